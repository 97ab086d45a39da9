"""What a reader can hold in the head at once; ruff checks parameters, complexity and line length.

A `with` does not branch, so it does not count as nesting; an `elif` is as deep as its `if`.
"""

from __future__ import annotations

import ast

import pytest

from tests.house.source import Module, functions, modules, snippet, where

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
MAX_PUBLIC_METHODS = 10
MAX_NESTING = 3

BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def nesting(node: ast.AST) -> int:
    """How deep branches nest below a node, the bodies of inner functions left out."""
    deepest = 0
    for field, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        for child in children:
            if not isinstance(child, ast.AST) or isinstance(child, SCOPES):
                continue
            is_elif = (
                isinstance(node, ast.If)
                and field == "orelse"
                and isinstance(child, ast.If)
                and len(children) == 1
            )
            own = 1 if isinstance(child, BRANCHES) and not is_elif else 0
            deepest = max(deepest, own + nesting(child))
    return deepest


def faults(module: Module) -> list[str]:
    """The sizes a module exceeds."""
    found = []
    if (num_lines := len(module.text.splitlines())) > MAX_FILE_LINES:
        found.append(f"{module.path}: {num_lines} lines; split it by noun")
    for function in functions(module.tree):
        num_lines = (function.end_lineno or 0) - function.lineno + 1
        if num_lines > MAX_FUNCTION_LINES:
            found.append(f"{where(module, function)}: {function.name} has {num_lines} lines")
        if (depth := nesting(function)) > MAX_NESTING:
            found.append(f"{where(module, function)}: {function.name} nests {depth} deep")
    for node in ast.walk(module.tree):
        num_methods = num_public_methods(node) if isinstance(node, ast.ClassDef) else 0
        if isinstance(node, ast.ClassDef) and num_methods > MAX_PUBLIC_METHODS:
            found.append(f"{where(module, node)}: {node.name} has {num_methods} public methods")
    return found


def num_public_methods(node: ast.ClassDef) -> int:
    """Methods that others may call; properties are values, so they do not count."""
    return sum(
        isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        and not child.name.startswith("_")
        and not any(ast.unparse(mark).endswith("property") for mark in child.decorator_list)
        for child in node.body
    )


def test_files_functions_and_classes_stay_small() -> None:
    assert [
        fault
        for m in modules("src", "tests", "benchmarks", "docs", "scripts")
        for fault in faults(m)
    ] == []


DEEP = """
def f():
    for a in b:
        with c:
            if d:
                return
            elif e:
                while g:
                    try:
                        h()
                    finally:
                        i()
"""


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n" * (MAX_FILE_LINES + 1),
        "def f():\n" + "    x = 1\n" * MAX_FUNCTION_LINES,
        "class C:\n" + "".join(f"    def m{i}(self): ...\n" for i in range(MAX_PUBLIC_METHODS + 1)),
        DEEP,
    ],
    ids=["file", "function", "class", "nesting"],
)
def test_what_is_too_big_is_found(text: str) -> None:
    assert len(faults(snippet(text))) == 1


def test_what_is_just_small_enough_passes() -> None:
    small = DEEP.replace("                    try:\n", "                    with j:\n")
    small = small.replace("                    finally:\n                        i()\n", "")

    assert faults(snippet(small)) == []
