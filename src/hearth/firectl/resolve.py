"""From the words of a command line to the command they mean, in either order.

`create deployment`, `deployment create`, `deployments create`, `deployedModels list` and
`load-lora` are all read here; a word that means nothing gets the nearest one that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hearth.firectl import vocabulary
from hearth.firectl.failures import UsageFailure
from hearth.firectl.grammar import Command, Flag
from hearth.firectl.kinds import SWITCH, words
from hearth.firectl.suggestions import suggestion

GLOBAL_FLAGS = (
    Flag(name="account-id", short="a", help="Act in this account instead of the key's own."),
    Flag(name="api-key", help="Use this key; FIREWORKS_API_KEY says the same.", is_secret=True),
    Flag(name="profile", short="p", help="Use the settings of ~/.fireworks/profiles/NAME."),
    Flag(name="base-url", help="The server's address; FIREWORKS_BASE_URL says the same."),
    Flag(name="help", short="h", kind=SWITCH, help="Show this."),
)
ONLINE_FLAGS = (
    Flag(
        name="output",
        short="o",
        kind=words("text", "json", "yaml", "flag"),
        help="How to print: text where nothing is said; flag prints flags to use again.",
    ),
    Flag(name="dry-run", kind=SWITCH, help="Print the request and send nothing."),
)


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A line that names no command yet: help says how to go on."""

    kind: Literal["all", "noun", "verb"]
    name: str = ""


def flags_of(command: Command) -> tuple[Flag, ...]:
    """Every flag that a command takes."""
    online = () if command.is_offline else ONLINE_FLAGS
    return (*command.flags, *online, *GLOBAL_FLAGS)


def resolve(argv: list[str]) -> tuple[Command | Topic, list[str]]:
    """Find what a command line asks for.

    Returns:
        The command, or the topic of the help that is due, and the words that remain for it.

    Raises:
        UsageFailure: a word means nothing, or the noun has no such verb.
    """
    leading, rest = _split_leading(argv)
    if not rest:
        return Topic(kind="all"), leading
    first = vocabulary.kebab(rest[0])
    if first in vocabulary.ALONE:
        command = vocabulary.command_of("session", first)
        assert command is not None, first
        return command, leading + rest[1:]
    if first in vocabulary.noun_words():
        return _noun_first(vocabulary.noun_words()[first], leading, rest[1:])
    if first in vocabulary.verb_words():
        return _verb_first(vocabulary.verb_words()[first], leading, rest[1:])
    joined = _joined(first)
    if joined is not None:
        return joined, leading + rest[1:]
    raise UsageFailure(
        f"There is no command {rest[0]!r}{suggestion(first, every_first_word())}. "
        "`firectl help` lists them all."
    )


def every_first_word() -> list[str]:
    """What may stand first, for suggestions and completion."""
    joined = ("set-api-key", "load-lora", "unload-lora", "prepare-model", "redeem-credit-code")
    nouns = (noun for noun in vocabulary.NOUNS if noun != "session")
    return [*vocabulary.ALONE, *vocabulary.verb_words(), *nouns, *joined]


def _split_leading(argv: list[str]) -> tuple[list[str], list[str]]:
    """The global flags before the first word, and the rest."""
    known = {f"--{flag.name}": flag for flag in GLOBAL_FLAGS}
    known |= {f"-{flag.short}": flag for flag in GLOBAL_FLAGS if flag.short}
    place = 0
    while place < len(argv) and argv[place].startswith("-"):
        name, mark, _ = argv[place].partition("=")
        flag = known.get(name)
        if flag is None:
            raise UsageFailure(
                f"{argv[place]} stands before the command; write it after, "
                "as in `firectl list deployments --page-size 10`."
            )
        place += 1 if mark or flag.is_switch else 2
    return argv[:place], argv[place:]


def _noun_first(
    noun: str, leading: list[str], rest: list[str]
) -> tuple[Command | Topic, list[str]]:
    if not rest or rest[0].startswith("-"):
        return Topic(kind="noun", name=noun), leading + rest
    verb = vocabulary.verb_words().get(vocabulary.kebab(rest[0]), rest[0])
    return _command(noun, verb), leading + rest[1:]


def _verb_first(
    verb: str, leading: list[str], rest: list[str]
) -> tuple[Command | Topic, list[str]]:
    word = vocabulary.kebab(rest[0]) if rest and not rest[0].startswith("-") else ""
    noun = vocabulary.noun_words().get(word)
    default = vocabulary.DEFAULT_NOUNS.get(verb)
    if noun is not None:
        return _command(noun, verb), leading + rest[1:]
    if default is not None and rest:
        return _command(default, verb), leading + rest
    if not word:
        return Topic(kind="verb", name=verb), leading + rest
    known = [
        form for each in vocabulary.nouns_with(verb) for form in (each, vocabulary.plural(each))
    ]
    raise UsageFailure(
        f"firectl {verb}: there is no {rest[0]!r}{suggestion(word, known)}. "
        f"`firectl help {verb}` lists what it takes."
    )


def _joined(word: str) -> Command | None:
    """`load-lora`: a verb and a noun in one word."""
    for place, letter in enumerate(word):
        if letter != "-":
            continue
        verb = vocabulary.verb_words().get(word[:place])
        noun = vocabulary.noun_words().get(word[place + 1 :])
        if verb is not None and noun is not None:
            return vocabulary.command_of(noun, verb)
    return None


def _command(noun: str, verb: str) -> Command:
    command = vocabulary.command_of(noun, verb)
    if command is None:
        known = [each.verb for each in vocabulary.noun_named(noun).commands]
        raise UsageFailure(
            f"firectl {noun}: there is no {verb!r}{suggestion(verb, known)}. "
            f"It has {', '.join(known)}."
        )
    return command
