"""What the package imports it declares, and what it declares it uses, each for a reason."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

from tests.house.source import ROOT, Module, modules, snippet
from tests.house.test_front_doors import imported

USED_BY_NAME = {
    "aiosqlite": "SQLAlchemy's asynchronous SQLite",
    "httptools": "uvicorn's parser",
    "psycopg": "SQLAlchemy's PostgreSQL",
}
"Never imported by us: another library finds them by name."


def canonical(requirement: str) -> str:
    """The name at the head of a requirement, as package indexes compare it."""
    match = re.match(r"[\w.-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def declared() -> set[str]:
    """The distributions every installation gets, and those of extras for users."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for_users = [each for name, listed in extras.items() if name != "dev" for each in listed]
    return {canonical(requirement) for requirement in [*project["dependencies"], *for_users]}


def used(sources: Iterable[Module]) -> set[str]:
    """The distributions that modules import, those of the standard library left out."""
    by_package = packages_distributions()
    tops = {name.split(".")[0] for module in sources for _, name in imported(module.tree)}
    outside = tops - sys.stdlib_module_names - {"hearth"}
    return {canonical(by_package.get(top, [top])[0]) for top in outside}


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    assert used(modules()) | USED_BY_NAME.keys() == declared()


def test_every_dependency_has_a_line_that_says_why() -> None:
    text = (ROOT / "docs" / "decisions" / "0009-dependencies.md").read_text()
    lines = set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE))

    assert lines == declared()


def test_an_import_that_nobody_declared_is_found() -> None:
    assert used([snippet("def f():\n    import requests.adapters")]) == {"requests"}
    assert used([snippet("import prometheus_client, json, hearth.app")]) == {"prometheus-client"}
