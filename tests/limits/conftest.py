"""Gateways on one home, with clocks that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.limits.gateways import Gateway, Interrupted, Time


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def gateways(db_url: str, tmp_path: Path, time: Time) -> AsyncIterator[list[Gateway]]:
    made = [Gateway(Interrupted(db_url), tmp_path, time) for _ in range(3)]
    yield made
    for gateway in made:
        gateway.kill()
        await gateway.db.close()
