"""The world of each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearth.kit.db import Database
from tests.deployments.deployed_models.world import World


@pytest.fixture
async def world(db: Database, tmp_path: Path) -> World:
    """See `World`."""
    world = World(db, tmp_path)
    await world.start()
    return world
