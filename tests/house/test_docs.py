"""What the documents say is what is there: folders, settings, routes, commands, errors, terms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import generate
from hearth.settings import Settings, describe_settings
from tests.house.source import PACKAGE, ROOT, files

TERM = re.compile(r"^\*\*(.+?)\*\*", re.MULTILINE)
MAP_ROW = re.compile(r"^\| `([\w./]+)` \|", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def markdown() -> list[Path]:
    """The documents a person wrote."""
    written = [path for path in files() if path.suffix == ".md"]
    return [path for path in written if generate.FOLDER not in path.parents]


def folders() -> set[str]:
    """What the map of the package must list: its files and, two levels down, its folders."""
    top = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    packages = {path.parent for path in files() if path.suffix == ".py" and PACKAGE in path.parents}
    inside = {path.relative_to(PACKAGE) for path in packages} - {Path()}
    return top | {f"{path}/" for path in inside if len(path.parts) <= 2}


def commands_in(text: str, word: str) -> set[str]:
    """The first words after `word` in the code of a document: `make up` gives `up`."""
    code = [*FENCE.findall(text), *CODE.findall(FENCE.sub("", text))]
    call = re.compile(rf"(?:^|[\s(`]|bin/){word} ([a-z][a-z-]*)\b", re.MULTILINE)
    return {match for block in code for match in call.findall(block)}


def make_targets() -> set[str]:
    """What `make` can make."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_map_shows_every_folder() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    shown = MAP_ROW.findall(text.partition("## Folders")[2].partition("\n## ")[0])

    assert sorted(shown) == sorted(folders())


def test_the_map_fits_in_two_hundred_lines() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 200


@pytest.mark.parametrize("page", generate.PAGES)
def test_the_reference_is_what_the_code_says(page: str) -> None:
    assert (generate.FOLDER / page).read_text() == generate.PAGES[page](), "run `make docs`"


def test_the_reference_holds_nothing_else() -> None:
    assert {path.name for path in generate.FOLDER.iterdir()} == set(generate.PAGES)


def test_every_setting_says_what_it_does() -> None:
    assert set(describe_settings()) == set(Settings.__struct_fields__)


def test_glossary_terms_are_sorted_and_unique() -> None:
    terms = TERM.findall((ROOT / "docs" / "glossary.md").read_text())

    assert terms == sorted(set(terms), key=str.casefold)
    assert len(terms) > 20


@pytest.mark.parametrize("path", markdown(), ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_only_commands_that_exist(path: Path) -> None:
    text = path.read_text()
    known = {words.split()[1] for words, _ in generate.commands() if " " in words}

    assert commands_in(text, "make") - make_targets() == set()
    assert commands_in(text, "hearth") - known == set()


@pytest.mark.parametrize("path", markdown(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_commands_are_found_where_documents_name_them() -> None:
    text = "Run `make up` or:\n```sh\nmake nothing-real\neval $(hearth env)\n```\nto make sense.\n"

    assert commands_in(text, "make") == {"up", "nothing-real"}
    assert commands_in(text, "hearth") == {"env"}
