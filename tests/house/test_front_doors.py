"""A feature is entered by its front door, its `__init__`; only `app` and `cli` wire the insides.

The layers between features, and the libraries each may know, are import contracts in
`pyproject.toml`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import PACKAGE, Module, modules, snippet, where

NOT_FEATURES = {"kit", "migrations"}
"Folders without business: their modules are for everybody."

SIDE_DOORS = {"hearth.engines.protocol", "hearth.engines.wire"}
"The messages between gateway and worker and their framing: they are the border itself."


def features() -> set[str]:
    """The folders of the package that own a part of the business."""
    return {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - NOT_FEATURES


def imported(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every module that may be imported; `from a import b` names both `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node, node.module
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def is_inside(name: str) -> bool:
    """Whether a dotted name is a module below a feature's front door."""
    parts = name.split(".")
    if len(parts) < 3 or parts[0] != "hearth" or parts[1] not in features():
        return False
    path = PACKAGE.joinpath(*parts[1:])
    return path.with_suffix(".py").exists() or path.is_dir()


def let_through(node: ast.stmt, name: str) -> bool:
    """Whether a front door binds the name: a function may share its name with its module."""
    door, _, last = name.rpartition(".")
    if not isinstance(node, ast.ImportFrom) or node.module != door:
        return False
    tree = ast.parse((PACKAGE.joinpath(*door.split(".")[1:]) / "__init__.py").read_text())
    bound = [
        alias for each in tree.body if isinstance(each, ast.ImportFrom) for alias in each.names
    ]
    return last in {alias.asname or alias.name for alias in bound}


def faults(module: Module) -> list[str]:
    """The imports of a module that reach past another feature's front door."""
    own = module.name.split(".")[1] if "." in module.name else ""
    if own in {"app", "cli"}:
        return []
    return [
        f"{where(module, node)}: {name} is past the front door of another feature"
        for node, name in imported(module.tree)
        if is_inside(name)
        and name.split(".")[1] != own
        and name not in SIDE_DOORS
        and not let_through(node, name)
    ]


def dead_weight(module: Module) -> list[str]:
    """What stands in a front door besides a docstring, imports and `__all__`."""
    return [
        where(module, node)
        for node in module.tree.body
        if not isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
    ]


def test_features_are_entered_by_their_front_doors() -> None:
    assert [fault for module in modules() for fault in faults(module)] == []


def test_front_doors_hold_nothing_but_what_they_let_through() -> None:
    doors = [m for m in modules() if m.name in {f"hearth.{name}" for name in features()}]

    assert [fault for door in doors for fault in dead_weight(door)] == []


@pytest.mark.parametrize(
    "line",
    [
        "from hearth.engines.worker import main",
        "from hearth.engines import worker",
        "import hearth.engines.worker",
        "def f():\n    from hearth.engines.llm import anything",
    ],
)
def test_a_reach_past_a_front_door_is_found(line: str) -> None:
    assert faults(snippet(line)) != []
    assert faults(snippet(line, name="hearth.engines.own")) == []
    assert faults(snippet(line, name="hearth.app")) == []


def test_the_front_door_the_wire_messages_and_the_kit_are_open() -> None:
    text = "from hearth.engines import Engine\nfrom hearth.engines.protocol import Delta\n"

    assert faults(snippet(text + "from hearth.kit import clock\n")) == []
