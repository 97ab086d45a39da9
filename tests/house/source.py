"""The repository as the house rules see it: its files, and its Python modules parsed."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "hearth"


@dataclass(frozen=True, kw_only=True)
class Module:
    """One Python file; `name` is what an import would call it, without a final `__init__`."""

    path: Path
    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text)

    @property
    def line(self) -> list[str]:
        """The lines, counted from 1 as `ast` does."""
        return ["", *self.text.splitlines()]


def snippet(text: str, name: str = "hearth.gateway.snippet") -> Module:
    """A module that is not there, to try a rule with the fault it is for."""
    return Module(path=ROOT / "snippet.py", name=name, text=text)


@cache
def files() -> tuple[Path, ...]:
    """Every file that is in the repository or would be after `git add`."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [*ROOT.glob("*"), *ROOT.glob("[!.]*/**/*")]
    return tuple(sorted(path for path in paths if path.is_file() and path.suffix != ".pyc"))


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """The Python modules below the given folders of the repository, `src` if none is given."""
    tops = [ROOT / folder for folder in folders or ("src",)]
    return tuple(
        _read(path)
        for path in files()
        if path.suffix == ".py" and any(top in path.parents for top in tops)
    )


def _read(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "src" else parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return Module(path=path, name=".".join(parts), text=path.read_text())


def where(module: Module, node: ast.stmt | ast.expr | ast.excepthandler) -> str:
    """`folder/file.py:12`, for the message of a fault."""
    return f"{module.path.relative_to(ROOT)}:{node.lineno}"


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
