"""A disk that takes nothing more: no answer ends unmetered, and no budget stays held for it."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.limited import TOKEN_NANO, LimitedKey
from tests.running import RunningHearth, running_hearth

MONTHLY = "monthly-spend-usd"
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture
def own_hearth(tmp_path: Path) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path) as running:
        yield running


def test_what_was_held_when_the_disk_filled_can_be_spent_when_it_has_room(
    own_hearth: RunningHearth,
) -> None:
    with own_hearth.client() as api:
        key = LimitedKey(own_hearth, api)
        key.limit(MONTHLY, "1")
        usage = key.ask(max_tokens=1).json()["usage"]
        one = usage["total_tokens"]

        resource.prlimit(own_hearth.process.pid, resource.RLIMIT_FSIZE, (0, UNLIMITED[1]))
        refused = [key.ask(max_tokens=1) for _ in range(3)]
        resource.prlimit(own_hearth.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)

        assert {answer.status_code for answer in refused} == {503}
        assert "journal" in refused[0].json()["error"]["message"]
        while (answer := key.ask(max_tokens=1)).status_code == 503:
            pass  # the first that is asked tries the disk again
        assert answer.status_code == 200
        spent = key.spent(MONTHLY, at_least=2 * one * TOKEN_NANO)
        left = 10 * one * TOKEN_NANO
        key.limit(MONTHLY, f"{(spent + left) / 1e9:.9f}")
        answers = [key.ask(max_tokens=1).status_code for _ in range(11)]
        assert answers == [200] * 10 + [402]
        key.client.close()
