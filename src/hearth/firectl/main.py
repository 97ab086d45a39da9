"""The `firectl` command: words to a command, a command to HTTP, an end to an exit status."""

from __future__ import annotations

import os
import sys

from hearth.firectl.failures import Exit, Failure, Finished, Refused
from hearth.firectl.grammar import Command
from hearth.firectl.parsing import parse
from hearth.firectl.resolve import resolve
from hearth.firectl.screen import Screen


def main(argv: list[str] | None = None, screen: Screen | None = None) -> int:
    """Run one command line.

    Returns:
        The exit status: see `failures.Exit`.
    """
    screen = screen or Screen()
    words = sys.argv[1:] if argv is None else argv
    try:
        _run(words, screen)
    except Finished:
        return Exit.OK
    except Failure as failure:
        return _report(failure, words, screen)
    except KeyboardInterrupt:
        screen.note("firectl: interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.OK


def _run(words: list[str], screen: Screen) -> None:
    if words[:1] == ["__complete"]:
        from hearth.firectl.completion import candidates

        screen.write("\n".join(candidates(words[1:])))
        return
    target, rest = resolve(words)
    values = parse(target, rest) if isinstance(target, Command) else {"help": True}
    if values.get("help") or not isinstance(target, Command):
        from hearth.firectl.help import help_on

        screen.write(help_on(target))
        return
    from hearth.firectl.call import Call

    for flag in target.flags:
        if flag.is_obsolete and flag.name in values:
            screen.note(f"firectl: --{flag.name} is of an older firectl and does nothing now")
    target.run(Call(target, values, screen))


def _report(failure: Failure, words: list[str], screen: Screen) -> int:
    head = "" if failure.message.startswith("firectl ") else "firectl: "
    screen.note(f"{head}{failure}{_remedy(failure)}")
    below = failure.below
    if isinstance(failure, Refused) and failure.param == "filter" and not below:
        from hearth.firectl.carets import under_filter

        below = under_filter(words, failure.message)
    for line in below:
        screen.note(line)
    return failure.exit_status


def _remedy(failure: Failure) -> str:
    if isinstance(failure, Refused) and failure.status == 401:
        return " `firectl signin` sets a key; `firectl whoami` shows which one is used."
    return ""


if __name__ == "__main__":
    sys.exit(main())
