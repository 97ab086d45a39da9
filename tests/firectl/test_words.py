"""Which words mean which command, in either order, and what a misspelt one gets."""

from __future__ import annotations

import shlex

import pytest

from hearth.firectl import vocabulary
from hearth.firectl.failures import Failure
from hearth.firectl.grammar import Command
from hearth.firectl.help import help_on
from hearth.firectl.parsing import name_of, parse
from hearth.firectl.resolve import flags_of, resolve
from tests.firectl.terminal import typed


def commands() -> list[Command]:
    """Every command there is."""
    return [each for noun in vocabulary.NOUNS for each in vocabulary.noun_named(noun).commands]


def meant(line: str) -> str:
    """The command a line means, as help names it."""
    target, _ = resolve(shlex.split(line))
    assert isinstance(target, Command), target
    return name_of(target).removeprefix("firectl ")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("create deployment x", "create deployment"),
        ("deployment create x", "create deployment"),
        ("deployments create x", "create deployment"),
        ("list deployments", "list deployments"),
        ("deployment list", "list deployments"),
        ("ls deployment", "list deployments"),
        ("deployed-models list", "list deployed-models"),
        ("list deployedModels", "list deployed-models"),
        ("list deployed_models", "list deployed-models"),
        ("api-key create", "create api-key"),
        ("set-api-key fw_x", "set api-key"),
        ("scale my-deployment --replica-count 2", "scale deployment"),
        ("deployment scale my-deployment", "scale deployment"),
        ("scale deployment my-deployment", "scale deployment"),
        ("load-lora x", "load lora"),
        ("unload lora x", "unload lora"),
        ("prepare-model x", "prepare model"),
        ("prepare model x", "prepare model"),
        ("model prepare x", "prepare model"),
        ("undelete x", "undelete deployment"),
        ("redeem-credit-code x", "redeem credit-code"),
        ("auth login", "login auth"),
        ("login", "login"),
        ("-a dev list models", "list models"),
        ("--profile=work model get x", "get model"),
        ("export billing-metrics", "export billing-metrics"),
    ],
)
def test_both_orders_plurals_and_other_names_mean_the_same(line: str, command: str) -> None:
    assert meant(line) == command


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("crate deployment", "did you mean 'create'?"),
        ("deploymnt list", "did you mean 'deployment'?"),
        ("create deploymnt x", "did you mean 'deployment'?"),
        ("deployment crate x", "did you mean 'create'?"),
        ("list modles", "did you mean 'models'?"),
        ("create region", "It has list, get."),
        ("create deployment x --gpu-tpe h100", "did you mean '--gpu-type'?"),
        ("list models --fliter x", "did you mean '--filter'?"),
        ("xyzzy", "`firectl help` lists them all"),
        ("--filter x list models", "write it after"),
    ],
)
def test_a_misspelt_word_gets_the_nearest_and_sends_nothing(line: str, words: str) -> None:
    ran = typed(*shlex.split(line))

    assert ran.status == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == ""


@pytest.mark.parametrize("command", commands(), ids=name_of)
def test_every_command_explains_itself_with_an_example_that_it_takes(command: Command) -> None:
    page = help_on(command)

    assert command.examples
    assert command.verb in {*vocabulary.VERBS, *vocabulary.ALONE}
    for example in command.examples:
        assert example in page
        line = example[example.index("firectl ") :].partition(")")[0]
        target, rest = resolve(shlex.split(line)[1:])
        assert isinstance(target, Command)
        assert name_of(target) == name_of(command)
        assert parse(target, rest) is not None


@pytest.mark.parametrize("command", commands(), ids=name_of)
def test_no_flag_of_a_command_is_there_twice(command: Command) -> None:
    names = [flag.name for flag in flags_of(command)]
    shorts = [flag.short for flag in flags_of(command) if flag.short]

    assert sorted(set(names)) == sorted(names)
    assert sorted(set(shorts)) == sorted(shorts)


def test_no_word_means_two_things() -> None:
    words = [*vocabulary.noun_words(), *vocabulary.verb_words(), *vocabulary.ALONE]
    both = {word for word in words if words.count(word) > 1}

    assert both == {"login"}  # alone, and below `auth`


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ["deployment", "create, get, list", "whoami", "130"]),
        ("--help", ["deployment", "create, get, list"]),
        ("help", ["deployment", "create, get, list"]),
        ("deployment", ["firectl scale deployment ID"]),
        ("create", ["firectl create deployment [MODEL]", "firectl create user [ID]"]),
        ("help create deployment", ["--gpu-type", "--accelerator-type", "Examples:"]),
        ("create deployment -h", ["--gpu-type", "--accelerator-type", "Examples:"]),
        ("help deployment create", ["--gpu-type"]),
        ("help whoami", ["whose key"]),
    ],
)
def test_help_answers_for_all_a_noun_a_verb_and_a_command(line: str, words: list[str]) -> None:
    ran = typed(*shlex.split(line))

    assert ran.status == 0
    assert [word for word in words if word not in ran.out] == []


def test_help_about_nothing_that_exists_says_so() -> None:
    with pytest.raises(Failure, match="There is no command 'nonsense'"):
        resolve(["nonsense"])
    assert typed("help", "nonsense").status == 2
