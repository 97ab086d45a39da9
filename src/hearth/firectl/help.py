"""Help, written from the same tables that the parser reads."""

from __future__ import annotations

from hearth.firectl import vocabulary
from hearth.firectl.failures import MEANINGS
from hearth.firectl.grammar import Command, Flag
from hearth.firectl.parsing import name_of
from hearth.firectl.resolve import GLOBAL_FLAGS, ONLINE_FLAGS, Topic

_ABOUT = """\
firectl operates Fireworks AI and Hearth, its open twin, from a terminal.

Usage:
  firectl VERB NOUN [ARGUMENTS] [FLAGS]
  firectl NOUN VERB [ARGUMENTS] [FLAGS]
"""


def help_on(target: Command | Topic) -> str:
    """The page about everything, a noun, a verb or a command."""
    if isinstance(target, Command):
        return _command(target)
    if target.kind == "noun":
        return _noun(target.name)
    return _verb(target.name) if target.kind == "verb" else _all()


def _all() -> str:
    nouns = [
        (name, ", ".join(each.verb for each in vocabulary.noun_named(name).commands))
        for name in vocabulary.NOUNS
        if name != "session"
    ]
    alone = [(each.verb, each.summary) for each in vocabulary.noun_named("session").commands]
    exits = [(str(int(status)), meaning) for status, meaning in MEANINGS.items()]
    parts = [
        _ABOUT,
        "Commands:\n" + _rows(alone),
        "Nouns and their verbs:\n" + _rows(nouns),
        "Flags of every command:\n" + _flags((*ONLINE_FLAGS, *GLOBAL_FLAGS)),
        "Exit status:\n" + _rows(exits),
        "More: firectl help create deployment\n",
    ]
    return "\n".join(parts)


def _noun(name: str) -> str:
    noun = vocabulary.noun_named(name)
    rows = [(_usage(each), each.summary) for each in noun.commands]
    return f"{noun.summary}\n\n{_rows(rows)}\nMore: firectl help {noun.commands[0].verb} {name}\n"


def _verb(verb: str) -> str:
    rows = [
        (_usage(command), command.summary)
        for noun in vocabulary.nouns_with(verb)
        if (command := vocabulary.command_of(noun, verb)) is not None
    ]
    return f"What can be asked to {verb}:\n\n{_rows(rows)}"


def _command(command: Command) -> str:
    usage = _usage(command) + (" [FLAGS]" if command.flags else "")
    parts = [f"{command.summary}\n\nUsage:\n  {usage}\n"]
    if command.arguments:
        rows = [(each.name, each.help) for each in command.arguments]
        parts.append("Arguments:\n" + _rows(rows))
    own = tuple(flag for flag in command.flags if not flag.is_obsolete)
    if own:
        parts.append("Flags:\n" + _flags(own))
    if command.examples:
        parts.append("Examples:\n" + "".join(f"  {each}\n" for each in command.examples))
    shared = GLOBAL_FLAGS if command.is_offline else (*ONLINE_FLAGS, *GLOBAL_FLAGS)
    parts.append("Flags of every command:\n" + _flags(shared))
    return "\n".join(parts)


def _usage(command: Command) -> str:
    arguments = [each.name if each.is_required else f"[{each.name}]" for each in command.arguments]
    return " ".join((name_of(command), *arguments))


def _flags(flags: tuple[Flag, ...]) -> str:
    rows = []
    for flag in flags:
        short = f"-{flag.short}, " if flag.short else "    "
        required = " Required." if flag.is_required else ""
        takes = f" {flag.kind.metavar}" if flag.kind.metavar else ""
        names = [name for name in flag.kind.choices if not flag.is_switch]
        is_twin = flag.help.startswith("As --")  # its twin's line has them
        offered = f" One of {', '.join(names)}." if names and not is_twin else ""
        rows.append((f"{short}--{flag.name}{takes}", flag.help + required + offered))
    return _rows(rows)


def _rows(rows: list[tuple[str, str]]) -> str:
    """Two columns; what is too long for the left one has a line of its own."""
    import textwrap

    width = min(max(len(left) for left, _ in rows), 34)
    lines = []
    for left, right in rows:
        wrapped = textwrap.wrap(right, 98 - width) or [""]
        if len(left) > width:
            lines.append(f"  {left}")
            left = ""
        lines.append(f"  {left:<{width}}  {wrapped[0]}")
        lines += [" " * (width + 4) + line for line in wrapped[1:]]
    return "".join(line.rstrip() + "\n" for line in lines)
