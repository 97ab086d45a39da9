"""One Hearth with the fake engine for all gateway tests; none of them changes its state."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.running import RunningHearth, running_hearth


@pytest.fixture(scope="session")
def hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("hearth")) as running:
        yield running


@pytest.fixture(scope="session")
def api(hearth: RunningHearth) -> Iterator[httpx.Client]:
    with hearth.client() as client:
        yield client
