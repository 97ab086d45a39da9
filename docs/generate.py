"""Write docs/reference from the code: settings, routes, commands, errors, inference.

`python docs/generate.py`, or `make docs`. A test compares the pages with what this would write.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import typer
from msgspec import Struct
from msgspec import inspect as shapes
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from docs import inference, inference_rows
from hearth import errors
from hearth.settings import PREFIX, Settings, describe_settings, texts_below

Command = TyperGroup | TyperCommand
FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by `make docs` from the code; do not edit. -->\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def settings_page() -> str:
    """Every setting: variable, default, what it takes, what it does."""
    info = shapes.type_info(Settings)
    assert isinstance(info, shapes.StructType)
    docs = describe_settings()
    rows = [
        (
            f"`{PREFIX}{field.name.upper()}`",
            f"`{_shown(field.default)}`" if field.default != "" else "empty",
            takes(field.type),
            docs[field.name],
        )
        for field in info.fields
    ]
    intro = "Environment variables, read once at start. A name that is not here is refused.\n"
    body = table(("variable", "default", "takes", "what it does"), rows)
    return f"{NOTE}# Settings\n\n{intro}\n{body}\n"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def takes(kind: shapes.Type) -> str:
    """What values a setting takes, in words."""
    match kind:
        case shapes.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case shapes.BoolType():
            return "`true` or `false`"
        case shapes.IntType():
            return "integer" + _bounds(kind)
        case shapes.FloatType():
            return "number" + _bounds(kind)
        case shapes.StrType():
            return "text"
        case _:
            raise NotImplementedError(f"settings of {kind} have no words here yet")


def _bounds(kind: shapes.IntType | shapes.FloatType) -> str:
    signs = {">": kind.gt, "≥": kind.ge, "<": kind.lt, "≤": kind.le}
    words = [f"{sign} {limit}" for sign, limit in signs.items() if limit is not None]
    return ", " + " and ".join(words) if words else ""


def routes_page() -> str:
    """Every HTTP route under its canonical path."""
    from hearth.app import route_table

    rows = [
        (f"`{method} {path}`", summary) for method, path, summary in sorted_routes(route_table())
    ]
    intro = (
        "Canonical paths. `/v1`, `/inference/v1`, and any repetition of them may stand in front,\n"
        "so every base URL that clients of the Fireworks API build from reaches the same route.\n"
    )
    return f"{NOTE}# Routes\n\n{intro}\n{table(('route', 'what it does'), rows)}\n"


def sorted_routes(routes: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """By path, then by method."""
    return sorted(routes, key=lambda route: (route[1], route[0]))


def commands_page() -> str:
    """Every command, its arguments and its options."""
    sections = [_section(path, command) for path, command in commands()]
    return f"{NOTE}# Commands\n\n" + "\n".join(sections)


def commands() -> Iterator[tuple[str, Command]]:
    """Every command by the words that call it, parents before children."""
    from hearth.cli.main import app

    yield from _below("hearth", typer.main.get_command(app))


def _below(path: str, command: object) -> Iterator[tuple[str, Command]]:
    assert isinstance(command, TyperGroup | TyperCommand)
    yield path, command
    if isinstance(command, TyperGroup):
        for name in sorted(command.commands):
            yield from _below(f"{path} {name}", command.commands[name])


def _section(path: str, command: Command) -> str:
    text = inspect.cleandoc(command.help or "")
    assert text, f"`{path}` says nothing about itself"
    rows = [_parameter(each) for each in command.params]
    below = f"\n{table(('argument or option', 'what it does'), rows)}\n" if rows else ""
    return f"## `{path}`\n\n{text}\n{below}"


def _parameter(parameter: object) -> tuple[str, str]:
    assert isinstance(parameter, TyperOption | TyperArgument)
    if isinstance(parameter, TyperArgument):
        return f"`{parameter.metavar or (parameter.name or '').upper()}`", parameter.help or ""
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.bare_type()}".upper()
    return f"`{names}{value}`", parameter.help or ""


def firectl_page() -> str:
    """Every command of firectl, as its help shows it."""
    from hearth.firectl import vocabulary
    from hearth.firectl.help import help_on
    from hearth.firectl.parsing import name_of

    known = [each for noun in vocabulary.NOUNS for each in vocabulary.noun_named(noun).commands]
    mark = "\n\nFlags of every command:"
    shared = mark.strip() + help_on(known[0]).partition(mark)[2]
    parts = [
        f"## `{name_of(each)}`\n\n```text\n{help_on(each).partition(mark)[0]}\n```\n"
        for each in known
    ]
    return f"{NOTE}# firectl\n\n```text\n{shared}```\n\n" + "\n".join(parts)


def errors_page() -> str:
    """Every error an answer can carry."""
    kinds = sorted(_api_errors(errors.ApiError), key=lambda kind: kind.status)
    rows = [
        (str(kind.status), f"`{kind.code}`", kind.__name__, (inspect.getdoc(kind) or ""))
        for kind in kinds
    ]
    intro = "What `code` an answer carries and when; `message` names the thing and the remedy.\n"
    body = table(("status", "code", "error", "when"), rows)
    return f"{NOTE}# Errors\n\n{intro}\n{body}\n"


def _api_errors(kind: type[errors.ApiError]) -> Iterator[type[errors.ApiError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _api_errors(child)


def inference_page() -> str:
    """What becomes of each field of an inference request."""
    return NOTE + inference.page(inference_rows.SECTIONS, table)


def engine_options_page() -> str:
    """Every option of the engines for text: name, default, what it takes, what it does."""
    from hearth.engines.llm.llamacpp_options import LlamaOptions
    from hearth.engines.llm.native_options import NativeOptions

    intro = (
        "Given to deployments as `--engine-options name=value,…`, beside `threads`, `slots` and\n"
        "`context_tokens`, which every engine takes.\n"
    )
    tables = [
        f"## `{name}`\n\n{_options_table(kind)}\n"
        for name, kind in (("native", NativeOptions), ("llamacpp", LlamaOptions))
    ]
    return f"{NOTE}# Engine options\n\n{intro}\n" + "\n".join(tables)


def _options_table(kind: type[Struct]) -> str:
    info = shapes.type_info(kind)
    assert isinstance(info, shapes.StructType)
    docs = texts_below(inspect.getsource(kind), kind.__name__)
    rows = [
        (f"`{each.name}`", f"`{_shown(each.default)}`", takes(each.type), docs[each.name])
        for each in info.fields
    ]
    return table(("option", "default", "takes", "what it does"), rows)


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "routes.md": routes_page,
    "commands.md": commands_page,
    "firectl.md": firectl_page,
    "errors.md": errors_page,
    "inference.md": inference_page,
    "engine-options.md": engine_options_page,
}


def main() -> None:
    """Write the pages that differ, and say which."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
