"""Objects in a folder, over HTTP, without a database or a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from hearth.gateway.cold import ColdApp
from hearth.gateway.metrics import Metrics
from hearth.kit.objects import ObjectStore
from hearth.objects import Objects, Signer, object_routes, signing_key
from tests.site import HandClock

BASE = "http://hearth"


class Yard:
    """A folder of objects and its links."""

    def __init__(self, home: Path) -> None:
        self.clock = HandClock()
        self.home = home
        self.objects = Objects(
            lambda: ObjectStore((home / "objects").as_uri()),
            Signer(signing_key(home), self.clock),
            clock=self.clock,
        )
        self.app = ColdApp(object_routes(self.objects), Metrics())

    def stored(self) -> dict[str, bytes]:
        """Every object by its key."""
        root = self.home / "objects"
        files = (path for path in root.rglob("*") if path.is_file())
        by_key = {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
        return {key: content for key, content in by_key.items() if not key.startswith(".parts/")}

    def parts(self) -> list[int]:
        """Sizes of what is on its way."""
        folder = self.home / "objects" / ".parts"
        return [path.stat().st_size for path in folder.iterdir()] if folder.exists() else []


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


@pytest.fixture
async def client(yard: Yard) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    transport = httpx.ASGITransport(app=yard.app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client
