"""Shell completion: a script per shell that asks `firectl __complete WORD…` for candidates."""

from __future__ import annotations

from dataclasses import replace

from hearth.firectl import vocabulary
from hearth.firectl.call import Call
from hearth.firectl.connection import connection_from
from hearth.firectl.failures import Failure, UsageFailure
from hearth.firectl.grammar import Argument, Command, Flag
from hearth.firectl.http import Http, Request
from hearth.firectl.names import last_of
from hearth.firectl.resolve import every_first_word, flags_of, resolve
from hearth.firectl.screen import Screen

_IDS_TIMEOUT_S = 1.0  # a person holds the Tab key
_MAX_IDS = 100

_BASH = """\
_firectl() {
    local IFS=$'\\n'
    COMPREPLY=($(firectl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _firectl firectl
"""
_ZSH = """\
#compdef firectl
_firectl() {
    local -a found
    found=("${(@f)$(firectl __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    [[ -n "$found" ]] && compadd -- $found || _files
}
compdef _firectl firectl
"""
_FISH = """\
function __firectl
    set -l words (commandline -opc) (commandline -ct)
    firectl __complete $words[2..-1] 2>/dev/null
end
complete -c firectl -f -a '(__firectl)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str) -> str:
    """What a shell reads to complete firectl's words.

    Raises:
        UsageFailure: no script is there for it.
    """
    if shell not in _SCRIPTS:
        raise UsageFailure(f"There is no completion for {shell!r}; there is for bash, zsh, fish.")
    return _SCRIPTS[shell]


def candidates(words: list[str]) -> list[str]:
    """What may stand in place of the last word, of which a part may be there."""
    before, part = (words[:-1], words[-1]) if words else ([], "")
    try:
        found = _offered(before, part)
    except Failure:
        return []
    return sorted({each for each in found if each.startswith(part)})


def _offered(before: list[str], part: str) -> list[str]:
    if before[:1] == ["help"]:
        return _offered(before[1:], part)
    if not before:
        return every_first_word()
    target, rest = resolve(before)
    if not isinstance(target, Command):
        if target.kind == "noun":
            return [each.verb for each in vocabulary.noun_named(target.name).commands]
        nouns = vocabulary.nouns_with(target.name) if target.kind == "verb" else []
        return [*nouns, *map(vocabulary.plural, nouns)] or every_first_word()
    if target.verb == "completion":
        return list(_SCRIPTS)
    return _within(target, rest, part)


def _within(command: Command, rest: list[str], part: str) -> list[str]:
    flags = flags_of(command)
    last = rest[-1] if rest else ""
    asked = next((f for f in flags if last in (f"--{f.name}", f"-{f.short}")), None)
    if asked is not None and not asked.is_switch:
        return list(asked.kind.choices) or _ids(command, asked)
    if part.startswith("-"):
        return [f"--{flag.name}" for flag in flags if not flag.is_obsolete]
    num_given = sum(1 for word in rest if not word.startswith("-"))
    if num_given < len(command.arguments):
        return _ids(command, command.arguments[num_given])
    return []


def _ids(command: Command, wanted: Argument | Flag) -> list[str]:
    """Ids of the account, if the server answers at once."""
    lister = vocabulary.command_of(wanted.of, "list") if wanted.of in vocabulary.NOUNS else None
    if lister is None or lister.resource is None:
        return []
    connection = connection_from({})
    if not connection.api_key or not connection.account_id:
        return []
    http = Http(connection.base_url, connection.api_key, timeout_s=_IDS_TIMEOUT_S)
    path = Call(replace(lister), {}, Screen()).parent()
    body = http.send(Request(method="GET", path=path, query={"pageSize": _MAX_IDS})).body
    rows = body.get(lister.resource.collection) or []
    return [last_of(row["name"]) for row in rows if "name" in row]
