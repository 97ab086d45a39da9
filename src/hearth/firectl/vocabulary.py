"""Every word that may stand where a noun or a verb stands. The nouns' files are loaded by need.

To add a noun: a row here, and a file in `nouns` of the same name with a `NOUN`.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from functools import cache

from hearth.firectl.grammar import Command, Noun

NOUNS: dict[str, tuple[str, ...]] = {
    "account": (),
    "api-key": ("key",),
    "audit-log": ("audit-log-entry", "audit"),
    "auth": (),
    "balance": (),
    "billing-metrics": ("billing-metric",),
    "billing-summary": (),
    "billing-usage": ("usage",),
    "credit-code": (),
    "credit-redemption": (),
    "deployed-model": (),
    "deployment": ("dep",),
    "deployment-shape": (),
    "deployment-shape-version": (),
    "invoice": (),
    "lora": ("addon",),
    "model": (),
    "pricing-plan": ("price",),
    "quota": ("limit",),
    "region": (),
    "router": (),
    "secret": (),
    "security-group": (),
    "session": (),
    "user": (),
    "vpc-deployment": ("vpc",),
}
"Nouns by their one name, with their other names. Plurals and camelCase need no row."

VERBS: dict[str, tuple[str, ...]] = {
    "create": ("add", "new"),
    "delete": ("remove", "rm"),
    "download": (),
    "export": (),
    "get": ("show", "describe"),
    "import": (),
    "list": ("ls",),
    "load": (),
    "login": (),
    "prepare": (),
    "redeem": (),
    "scale": (),
    "set": (),
    "undelete": (),
    "unload": (),
    "update": (),
    "upload": (),
}
"Verbs with their other names."

DEFAULT_NOUNS = {"scale": "deployment", "prepare": "model", "undelete": "deployment"}
"What a verb means where no noun follows it."

ALONE = ("signin", "login", "whoami", "token", "version", "upgrade", "completion", "help")
"Commands of one word; the noun `session` holds them."


def plural(name: str) -> str:
    """`deployment` as `deployments`, `policy` as `policies`; `billing-metrics` is one already."""
    return name if name.endswith("s") else re.sub(r"([^aeiou])y$", r"\1ie", name) + "s"


@cache
def noun_words() -> dict[str, str]:
    """Every spelling of every noun, and the noun it means."""
    return {
        form: noun
        for noun, others in NOUNS.items()
        if noun != "session"
        for name in (noun, *others)
        for form in (name, plural(name))
    }


@cache
def verb_words() -> dict[str, str]:
    """Every spelling of every verb, and the verb it means."""
    return {name: verb for verb, others in VERBS.items() for name in (verb, *others)}


def kebab(word: str) -> str:
    """`deployedModels` and `deployed_models` as `deployed-models`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", word).replace("_", "-").lower()


@cache
def noun_named(name: str) -> Noun:
    """Load a noun; its commands know their noun."""
    module = importlib.import_module(f"hearth.firectl.nouns.{name.replace('-', '_')}")
    noun: Noun = module.NOUN
    return replace(noun, commands=tuple(replace(each, noun=name) for each in noun.commands))


def command_of(noun: str, verb: str) -> Command | None:
    """What a verb does to a noun, if anything."""
    return next((each for each in noun_named(noun).commands if each.verb == verb), None)


def nouns_with(verb: str) -> list[str]:
    """The nouns that have a verb."""
    return [noun for noun in NOUNS if noun != "session" and command_of(noun, verb)]
