"""The repository names no package registry and no folder of the machine it was written on."""

from __future__ import annotations

import re

import pytest

from tests.house.source import ROOT, files

# Written in halves so that this file passes its own rule.
HOSTS = ["pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com"]
FOLDERS = ["/wo" + "rk/", "/ro" + "ot/", "/tmp/" + "smol"]
FORBIDDEN = re.compile(
    "|".join([*map(re.escape, HOSTS), *(rf"(?<![\w.}}~]){re.escape(name)}" for name in FOLDERS)])
)


def faults(text: str) -> list[str]:
    """The forbidden words of a text, with their line numbers."""
    return [
        f"{number}: {match.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for match in FORBIDDEN.finditer(line)
    ]


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = []
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}:{fault}" for fault in faults(text)]

    assert found == []


@pytest.mark.parametrize("word", [*HOSTS, *FOLDERS])
def test_a_forbidden_word_is_found(word: str) -> None:
    assert faults(f"see {word}x\n") != []


def test_the_licence_is_here() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
