"""Whatever happens to gateways in whatever order: nothing is overspent, nobody refused in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.limits.drive import Drive
from tests.limits.world import World


async def run(url: str, home: Path, *, seed: int, num_steps: int) -> World:
    world = World(url, home, num_gateways=3)
    drive = Drive(world, seed)
    try:
        await drive.set_out()
        for _ in range(num_steps):
            await drive.step()
        await world.end()
    finally:
        await world.close()
    return world


@pytest.mark.parametrize("seed", range(4))
async def test_no_limit_is_overspent_and_nobody_is_refused_in_vain(
    db_url: str, tmp_path: Path, seed: int
) -> None:
    world = await run(db_url, tmp_path, seed=seed, num_steps=250)

    assert world.num_admitted > 0
    assert world.num_refused > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 150))
async def test_nor_within_a_hundred_thousand_steps(db_url: str, tmp_path: Path, seed: int) -> None:
    await run(db_url, tmp_path, seed=seed, num_steps=2_000)
