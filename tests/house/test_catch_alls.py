"""`except Exception` stands only at the borders, each with its reason on the line.

A handler that ends in a bare `raise` only cleans up, so it catches nothing.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.source import ROOT, Module, modules, snippet, where

BORDERS: dict[str, str] = {
    "src/hearth/engines/embedding/tokens.py": "the tokenizer library raises no narrower type",
    "src/hearth/engines/llm/native/weights/tokenizer_json.py": "as in embedding/tokens.py",
    "src/hearth/gateway/dispatch.py": "a bug in a handler becomes a 500 and one logged traceback",
    "src/hearth/gateway/run.py": "one answer's fault must not end the channel of all",
    "src/hearth/jobs/outcomes.py": "a bug in one job must not end the runner of all",
    "src/hearth/jobs/workflows.py": "a library lets its driver's errors through; the process ends",
}

BLIND = {"Exception", "BaseException"}


def names(expression: ast.expr | None) -> set[str]:
    """The exceptions an `except` or a `suppress` lists."""
    if expression is None:
        return {"BaseException"}
    parts = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    return {ast.unparse(part) for part in parts}


def swallows(node: ast.AST) -> bool:
    """Whether this is a handler, or a `suppress`, that lets nothing through."""
    if isinstance(node, ast.ExceptHandler):
        last = node.body[-1]
        raises_on = isinstance(last, ast.Raise) and last.exc is None
        return bool(names(node.type) & BLIND) and not raises_on
    if isinstance(node, ast.Call):
        is_suppress = ast.unparse(node.func).endswith("suppress")
        return is_suppress and any(names(argument) & BLIND for argument in node.args)
    return False


def catch_alls(tree: ast.Module) -> list[ast.ExceptHandler | ast.Call]:
    """The handlers that swallow everything, and the `suppress` calls that do."""
    found = [node for node in ast.walk(tree) if swallows(node)]
    return [node for node in found if isinstance(node, ast.ExceptHandler | ast.Call)]


def reason(line: str) -> str:
    """The words of a line's comment, without the code that quiets the linter."""
    comment = line.partition("#")[2]
    return re.sub(r"noqa: ?[A-Z0-9, ]+", "", comment).strip(" -#:")


def faults(module: Module) -> list[str]:
    """The catch-alls of a module that stand at no border, or say no reason."""
    found = []
    for node in catch_alls(module.tree):
        if str(module.path.relative_to(ROOT)) not in BORDERS:
            found.append(f"{where(module, node)}: a catch-all away from the borders")
        elif len(reason(module.line[node.lineno]).split()) < 3:
            found.append(f"{where(module, node)}: a catch-all without its reason on the line")
    return found


def test_catch_alls_stand_only_at_the_borders() -> None:
    assert [fault for module in modules() for fault in faults(module)] == []


def test_every_border_is_still_one() -> None:
    used = {str(m.path.relative_to(ROOT)) for m in modules() if catch_alls(m.tree)}

    assert set(BORDERS) - used == set()


TRY = "try:\n    f()\n"


@pytest.mark.parametrize(
    "text",
    [
        TRY + "except Exception:\n    pass",
        TRY + "except:\n    log()",
        TRY + "except (OSError, BaseException) as error:\n    log(error)",
        TRY + "except* Exception:\n    pass",
        "with contextlib.suppress(Exception):\n    f()",
    ],
)
def test_a_catch_all_is_found(text: str) -> None:
    assert len(faults(snippet(text))) == 1


def test_cleaning_up_and_raising_on_is_no_catch_all() -> None:
    assert faults(snippet(TRY + "except BaseException:\n    undo()\n    raise")) == []


@pytest.mark.parametrize("comment", ["", "  # noqa: BLE001", "  # noqa: BLE001 - border"])
def test_a_border_without_a_reason_is_found(comment: str) -> None:
    border = ROOT / next(iter(BORDERS))
    text = TRY + f"except Exception:{comment}\n    pass"

    assert len(faults(Module(path=border, name="hearth.border", text=text))) == 1
