"""What follows a command's words: flags in Go's manner, and arguments.

`--flag value`, `--flag=value`, `-f value`, `--switch`, `--switch=false`, `--switch false`, and
`--` before arguments that begin with a dash. Flags and arguments may stand in any order.
"""

from __future__ import annotations

from typing import Any

from hearth.firectl.failures import UsageFailure
from hearth.firectl.grammar import Command, Flag
from hearth.firectl.resolve import flags_of
from hearth.firectl.suggestions import suggestion
from hearth.firectl.vocabulary import plural

Values = dict[str, Any]  # Any: what each flag's kind reads
"Flags by their names, arguments by theirs in capitals; what was not given is not there."


def parse(command: Command, rest: list[str]) -> Values:
    """Read the values of a command.

    Raises:
        UsageFailure: a flag is unknown or its value unreadable, or an argument too many or missing.
    """
    values, loose = _read(command, rest)
    if values.get("help"):
        return values
    _place(command, values, loose)
    missing = [f"--{flag.name}" for flag in command.flags if flag.is_required]
    missing = [name for name in missing if name[2:] not in values]
    if missing:
        raise UsageFailure(f"{name_of(command)} needs {', '.join(missing)}. {_see(command)}")
    return values


def name_of(command: Command) -> str:
    """The command as it is typed."""
    if command.noun == "session":
        return f"firectl {command.verb}"
    return (
        f"firectl {command.verb} {plural(command.noun) if command.verb == 'list' else command.noun}"
    )


def _read(command: Command, rest: list[str]) -> tuple[Values, list[str]]:
    values: Values = {}
    loose: list[str] = []
    following = _Following(rest)
    for word in following:
        if word == "--":
            loose += list(following)
        elif word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            flag, value = _flag(command, word, following)
            values[flag.name] = value
        else:
            loose.append(word)
    return values, loose


class _Following:
    """Words one by one, with a look at the next."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._place = 0

    def __iter__(self) -> _Following:
        return self

    def __next__(self) -> str:
        if self._place >= len(self._words):
            raise StopIteration
        self._place += 1
        return self._words[self._place - 1]

    def peek(self) -> str | None:
        """The next word, which stays."""
        return self._words[self._place] if self._place < len(self._words) else None


def _flag(command: Command, word: str, following: _Following) -> tuple[Flag, Any]:
    name, mark, text = word.partition("=")
    flag = _find(command, name)
    if flag.is_switch and not mark:
        is_value = (following.peek() or "").lower() in ("true", "false")
        text = next(following) if is_value else "true"
    elif not mark:
        given = following.peek()
        if given is None or (given.startswith("--") and len(given) > 2):
            raise UsageFailure(f"--{flag.name} needs a value: --{flag.name} {flag.kind.metavar}")
        text = next(following)
    try:
        return flag, flag.kind.parse(text)
    except ValueError as error:
        raise UsageFailure(f"--{flag.name}: {error}") from None


def _find(command: Command, name: str) -> Flag:
    spelled = name.replace("_", "-")
    for flag in flags_of(command):
        if spelled == f"--{flag.name}" or (flag.short and name == f"-{flag.short}"):
            return flag
    known = [f"--{flag.name}" for flag in flags_of(command)]
    raise UsageFailure(
        f"{name_of(command)} has no {name}{suggestion(spelled, known)}. {_see(command)}"
    )


def _place(command: Command, values: Values, loose: list[str]) -> None:
    if len(loose) > len(command.arguments):
        extra = loose[len(command.arguments)]
        raise UsageFailure(f"{name_of(command)}: {extra!r} is one too many. {_see(command)}")
    for argument, text in zip(command.arguments, loose, strict=False):
        values[argument.name] = text
    missing = [each.name for each in command.arguments[len(loose) :] if each.is_required]
    if missing:
        raise UsageFailure(f"{name_of(command)} needs {' and '.join(missing)}. {_see(command)}")


def _see(command: Command) -> str:
    return f"See `{name_of(command)} --help`."
