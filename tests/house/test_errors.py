"""The tree drawn at the top of `errors.py` is the tree of its classes, and holds every error."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from hearth import errors
from hearth.errors import HearthError
from tests.house.source import Module, modules, snippet, where

Row = tuple[int, str, str]
"Depth, name, and status or `-`."

LINE = re.compile(r"^([│├└─ ]*)(\w+)(?: +(\d{3}|-) .*)?$")


def drawn(docstring: str) -> list[Row]:
    """The tree as the docstring draws it."""
    blocks = docstring.split("\n\n")
    tree = next(block for block in blocks if "├──" in block)
    rows = []
    for line in tree.splitlines():
        match = LINE.fullmatch(line)
        assert match, f"this line of the error tree cannot be read: {line!r}"
        indent, name, status = match.groups()
        rows.append((len(indent) // 4, name, status or ""))
    return rows


def real(error: type[HearthError] = HearthError, depth: int = 0) -> list[Row]:
    """The tree as Python knows it, in the order of definition."""
    status = getattr(error, "status", None)
    row = (depth, error.__name__, str(status) if status else "-")
    if error in (HearthError, errors.ApiError):
        row = (depth, error.__name__, "")
    children = [child for child in error.__subclasses__() if child.__module__ == "hearth.errors"]
    return [row, *(below for child in children for below in real(child, depth + 1))]


def strays(module: Module) -> list[str]:
    """Classes that grow the error tree outside `errors.py`."""
    known = {name for _, name, _ in real()}
    return [
        f"{where(module, node)}: {node.name} belongs in errors.py"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and module.name != "hearth.errors"
        for parent in node.bases
        if ast.unparse(parent).split(".")[-1] in known
    ]


def test_the_error_tree_is_the_one_that_is_drawn() -> None:
    assert drawn(inspect.getdoc(errors) or "") == real()


def test_all_errors_stand_in_one_file() -> None:
    assert [stray for module in modules() for stray in strays(module)] == []


def test_every_error_has_a_status_and_a_code_of_its_own_kind() -> None:
    for _, name, status in real():
        error = getattr(errors, name)
        if status.isdigit():
            assert 400 <= error.status < 600, name
            assert error.code == error.code.upper(), name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Conflict   ", "Confluct   "),
        ("409", "410"),
        ("│   └── ModelNotFound", "├── ModelNotFound"),
    ],
)
def test_a_drawing_that_differs_is_found(old: str, new: str) -> None:
    wrong = (inspect.getdoc(errors) or "").replace(old, new, 1)

    assert drawn(wrong) != real()


def test_an_error_outside_the_file_is_found() -> None:
    assert strays(snippet("class Gone(errors.NotFound): ...")) != []
