"""Files and classes are named for what they are; the names that say nothing are not used."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.source import Module, modules, snippet

EMPTY = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
TWIN = re.compile(r".*[a-z]_?\d$")
"`service2`: a second half nobody could name. Real names that end so are listed below."
REAL: set[str] = set()
EMPTY_CLASS = re.compile(r".*(Manager|Helper|Utils?|Misc|Base)$")


def faults(module: Module) -> list[str]:
    """The names in a module's path, and of its classes, that say nothing."""
    parts = module.name.split(".")
    found = [
        f"{module.name}: {part!r} says nothing"
        for part in parts
        if set(part.split("_")) & EMPTY or (TWIN.fullmatch(part) and part not in REAL)
    ]
    found += [
        f"{module.name}: class {node.name} says nothing"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and EMPTY_CLASS.fullmatch(node.name)
    ]
    return found


def test_files_and_classes_have_names_that_say_what_they_are() -> None:
    assert [fault for module in modules("src", "tests") for fault in faults(module)] == []


@pytest.mark.parametrize(
    "name",
    ["hearth.kit.utils", "hearth.accounts.key_helpers", "hearth.common.x", "hearth.kit.service2"],
)
def test_an_empty_name_is_found(name: str) -> None:
    assert faults(snippet("", name=name)) != []


def test_an_empty_class_name_is_found() -> None:
    assert faults(snippet("class KeyManager: ...")) != []
