from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearth.kit.db import Database
from tests.jobs.world import World


@pytest.fixture
def world(db: Database, db_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(db, db_url, tmp_path)
    yield world
    world.end()
