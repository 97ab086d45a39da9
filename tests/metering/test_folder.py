"""A journal's folder and its lock, when one gateway starts where another's journal goes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hearth.metering.folder import Folder

LIMIT_S = 30


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    first = Folder.create(tmp_path / "gateway")
    assert Folder.adopt(tmp_path / "gateway") is None

    first.release()

    second = Folder.adopt(tmp_path / "gateway")
    assert second is not None
    second.remove()
    assert not (tmp_path / "gateway").exists()


def test_who_waited_for_a_folder_that_went_away_makes_it_anew(tmp_path: Path) -> None:
    path = tmp_path / "gateway"

    with ThreadPoolExecutor(1) as another:
        for _ in range(300):
            first = Folder.create(path)
            waiting = another.submit(Folder.create, path)
            first.remove()
            second = waiting.result(LIMIT_S)
            assert (path / "lock").exists(), "a lock without a name keeps nobody out"
            assert Folder.adopt(path) is None
            second.remove()


def test_what_is_no_journal_is_not_adopted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert Folder.adopt(tmp_path / "file") is None
    assert Folder.adopt(tmp_path / "missing") is None
