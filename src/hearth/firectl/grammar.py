"""What a command line consists of: nouns, their verbs, arguments and flags. Data only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hearth.firectl.kinds import SWITCH, TEXT, Kind

if TYPE_CHECKING:
    from hearth.firectl.call import Call


@dataclass(frozen=True, kw_only=True)
class Argument:
    """A value whose place says what it is."""

    name: str
    "In capitals, as help shows it."
    help: str
    is_required: bool = True
    field: str = ""
    "The path in the request's body it goes to; empty: the command itself uses it."
    of: str = ""
    "The noun whose ids completion offers; `PATH` offers files."


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A value with a name. A flag with a `field` or `query` needs no code of its own."""

    name: str
    "Without dashes, in kebab form."
    help: str
    kind: Kind = TEXT
    short: str = ""
    field: str = ""
    "The path in the request's body it goes to, such as `autoscalingPolicy.scaleUpWindow`."
    query: str = ""
    "The query parameter it goes to."
    is_required: bool = False
    is_secret: bool = False
    "Never printed, not by `--dry-run` either."
    is_obsolete: bool = False
    "Taken, so that old scripts run, and answered with one line that says it does nothing."
    of: str = ""
    "The noun whose ids completion offers."

    @property
    def is_switch(self) -> bool:
        """Whether it stands alone."""
        return self.kind is SWITCH


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a list."""

    title: str
    path: str
    "Where it is in the resource, with dots."


@dataclass(frozen=True, kw_only=True)
class Resource:
    """How a noun stands on the wire."""

    collection: str
    "The camelCase word of its path and the key of its list."
    columns: tuple[Column, ...]
    id_query: str = ""
    "The query parameter that carries a chosen id at creation."
    id_body: str = ""
    "The same as a field of the body, for the few that want it there."
    wrapper: str = ""
    "The field of the creation's body that holds the resource, for those that have one."
    ready: tuple[str, ...] = ("READY",)
    "The states that `--wait` waits for."
    failed: tuple[str, ...] = ("FAILED",)
    "The states that end `--wait` with a failure."
    failed_codes: tuple[str, ...] = ()
    "The codes of its status that end `--wait` with a failure, whatever its state."
    is_shared: bool = False
    "Whether a bare id that the account lacks is looked for among the catalogue's."
    wait_timeout: str = "30m"
    "How long `--wait` waits where `--wait-timeout` does not say."


@dataclass(frozen=True, kw_only=True)
class Command:
    """One thing to do to one noun."""

    verb: str
    summary: str
    run: Callable[[Call], None]
    arguments: tuple[Argument, ...] = ()
    flags: tuple[Flag, ...] = ()
    examples: tuple[str, ...] = ()
    resource: Resource | None = None
    noun: str = ""
    "Set when the noun is loaded."
    is_offline: bool = False
    "Whether it needs neither key nor server."


@dataclass(frozen=True, kw_only=True)
class Noun:
    """What one file of `nouns` says: a noun's summary and its commands."""

    summary: str
    commands: tuple[Command, ...]
