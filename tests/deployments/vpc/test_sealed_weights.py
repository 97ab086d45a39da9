"""Weights that lie encrypted on disk and open only in memory, for a worker that is let in."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hearth.catalog import ModelStore, PullSpec
from hearth.deployments import FakeExecutor, SealedExecutor, Vault
from hearth.deployments.vpc import vault as vaults
from hearth.engines import WorkerReport, WorkerState
from hearth.engines.protocol import Adapter, WorkerSpec
from hearth.errors import SetupError
from hearth.kit.sealing import Sealer
from tests.engines.models import write_tiny_model

NAME = "accounts/acme/models/custom-model"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """One with a model of acme's."""
    path = write_tiny_model(tmp_path / "tiny.gguf")
    store = ModelStore(tmp_path / "home")
    store.pull(PullSpec(name=NAME, uri=f"file:{path}"))
    return store


@pytest.fixture
def secret(tmp_path: Path, store: ModelStore) -> bytes:
    """Bytes of the weights that would give them away."""
    whole = (tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "tiny.gguf").unlink()
    return whole[len(whole) // 2 :][:64]


@pytest.fixture
def sealer() -> Sealer:
    return Sealer([b"k" * 32])


@pytest.fixture
def vault(store: ModelStore, sealer: Sealer) -> Iterator[Vault]:
    vault = Vault(store.root, sealer)
    yield vault
    vault.close_all()


def spec_of(store: ModelStore, **fields: str) -> WorkerSpec:
    weights = store.find(NAME)
    assert weights is not None
    return WorkerSpec(
        replica_id="replica-1", address="", engine="llamacpp", model=NAME,
        path=str(weights.path), sealed_for=fields.get("sealed_for", "acme"),
    )  # fmt: skip


def on_disk(store: ModelStore) -> bytes:
    return b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())


def test_what_lies_on_disk_is_sealed_and_what_is_opened_is_private_and_in_memory(
    store: ModelStore, vault: Vault, secret: bytes
) -> None:
    plain = spec_of(store)
    assert plain.path is not None
    before = Path(plain.path).read_bytes()

    opened = vault.open(plain)

    assert secret in before
    assert secret not in on_disk(store)
    assert opened.path is not None
    assert Path(opened.path).read_bytes() == before
    assert opened.path.startswith("/dev/shm/")
    assert opened.sealed_for == ""
    for part in [Path(opened.path), *Path(opened.path).parents][:6]:
        if part != Path("/dev/shm"):
            assert stat.S_IMODE(part.stat().st_mode) & 0o077 == 0
            assert part.stat().st_uid == os.getuid()
    vault.close("replica-1")
    assert not Path(opened.path).exists()


def test_the_store_still_knows_the_model_and_sealing_again_changes_nothing(
    store: ModelStore, vault: Vault
) -> None:
    found = store.find(NAME)
    vault.open(spec_of(store))
    sealed = store.find(NAME)
    stored = on_disk(store)
    vault.close("replica-1")
    vault.open(spec_of(store, sealed_for=""))  # another deployment of the same model

    assert found is not None
    assert sealed is not None
    assert sealed.inspection == found.inspection
    assert on_disk(store) == stored


def test_weights_of_others_stay_as_they_are(store: ModelStore, vault: Vault) -> None:
    before = on_disk(store)

    opened = vault.open(spec_of(store, sealed_for="other"))

    assert opened.path == spec_of(store).path
    assert on_disk(store) == before


def test_what_cannot_be_sealed_is_not_served(store: ModelStore, vault: Vault) -> None:
    weights = store.find(NAME)
    assert weights is not None
    form = store.prepare(weights, "Q8_0")
    elsewhere = msgspec.structs.replace(spec_of(store), path=str(form.path))

    with pytest.raises(SetupError, match="cannot be sealed"):
        vault.open(elsewhere)


def test_other_forms_do_not_lie_beside_sealed_weights(store: ModelStore, vault: Vault) -> None:
    weights = store.find(NAME)
    assert weights is not None
    form = store.prepare(weights, "Q8_0")

    vault.open(spec_of(store))

    assert not form.path.exists()


@pytest.mark.parametrize("at", [3, 60, -1])
def test_weights_that_were_changed_are_not_opened(store: ModelStore, vault: Vault, at: int) -> None:
    opened = vault.open(spec_of(store))
    vault.close("replica-1")
    path = Path(spec_of(store).path or "")
    whole = bytearray(path.read_bytes())
    whole[at] ^= 1
    path.write_bytes(whole)

    with pytest.raises(SetupError):
        vault.open(spec_of(store))

    assert not Path(opened.path or "").exists()


def test_another_hearths_key_opens_nothing(store: ModelStore, vault: Vault) -> None:
    vault.open(spec_of(store))
    vault.close("replica-1")
    other = Vault(store.root, Sealer([b"o" * 32]))

    with pytest.raises(SetupError, match="not here"):
        other.open(spec_of(store))


def test_they_are_opened_nowhere_but_in_memory(
    store: ModelStore, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vaults, "_kind_of", lambda _: "ext4")
    vault = Vault(store.root, sealer)

    with pytest.raises(SetupError, match="/dev/shm is ext4, not one in memory"):
        vault.open(spec_of(store))


def test_a_place_that_others_may_enter_is_not_used(
    store: ModelStore, sealer: Sealer, vault: Vault
) -> None:
    opened = Path(vault.open(spec_of(store)).path or "")
    vault.close("replica-1")
    home = next(each for each in opened.parents if each.name.startswith("hearth-"))
    home.chmod(0o755)

    with pytest.raises(SetupError, match="open to others"):
        vault.open(spec_of(store))


def test_a_crash_while_sealing_loses_no_model(
    store: ModelStore, vault: Vault, sealer: Sealer
) -> None:
    vault.open(spec_of(store))
    vault.close("replica-1")
    folder, new = (
        store.root / "acme" / "custom-model",
        store.root / ".sealing/acme/custom-model/new",
    )
    new.parent.mkdir(parents=True)
    folder.rename(new)
    assert store.find(NAME) is None

    Vault(store.root, sealer)

    assert store.find(NAME) is not None
    assert not (store.root / ".sealing").exists()


def test_what_a_dead_process_had_open_is_forgotten(
    store: ModelStore, vault: Vault, sealer: Sealer
) -> None:
    opened = Path(vault.open(spec_of(store)).path or "")
    own = next(each for each in opened.parents if each.name == str(os.getpid()))
    left = own.rename(own.with_name("999999999"))

    Vault(store.root, sealer)

    assert not left.exists()


class Reports:
    """What an executor reports, and waiting for it."""

    def __init__(self) -> None:
        self.all: list[WorkerReport] = []
        self._came = asyncio.Event()

    def __call__(self, report: WorkerReport) -> None:
        self.all.append(report)
        self._came.set()

    async def first(self, state: WorkerState) -> WorkerReport:
        async with asyncio.timeout(10):
            while True:
                for report in self.all:
                    if report.state is state:
                        return report
                self._came.clear()
                await self._came.wait()


def holds(path: str | None, piece: bytes) -> bool:
    return path is not None and Path(path).exists() and piece in Path(path).read_bytes()


async def test_an_executor_opens_them_before_a_worker_starts_and_forgets_them_at_its_end(
    store: ModelStore, vault: Vault, secret: bytes
) -> None:
    inner, reports = FakeExecutor(), Reports()
    executor = SealedExecutor(inner, vault)

    executor.start(spec_of(store), reports)
    assert executor.is_running("replica-1")
    await reports.first(WorkerState.READY)
    path = inner.specs["replica-1"].path
    was_open = holds(path, secret)
    await executor.stop("replica-1", 0.0)

    assert was_open
    assert not holds(path, secret)
    assert not executor.is_running("replica-1")


async def test_weights_that_cannot_be_opened_are_a_failed_replica(
    store: ModelStore, vault: Vault, secret: bytes
) -> None:
    vault.open(spec_of(store))
    vault.close("replica-1")
    inner, reports = FakeExecutor(), Reports()
    executor = SealedExecutor(inner, Vault(store.root, Sealer([b"o" * 32])))

    executor.start(spec_of(store), reports)
    failed = await reports.first(WorkerState.FAILED)
    await executor.stop("replica-1", 0.0)

    assert "which is not here" in failed.message
    assert inner.specs == {}


class Refusing(FakeExecutor):
    """Whose workers take no adapters."""

    async def change_adapter(self, replica_id: str, change: Adapter | str) -> None:
        raise SetupError(f"{replica_id} does not take {change}.")


async def test_an_adapter_that_is_refused_does_not_stay_open(
    store: ModelStore, vault: Vault, secret: bytes
) -> None:
    spec = spec_of(store)
    assert spec.path is not None
    executor = SealedExecutor(Refusing(), vault)
    executor.start(msgspec.structs.replace(spec, path=None), Reports())

    with pytest.raises(SetupError, match="does not take"):
        await executor.change_adapter(
            "replica-1", Adapter(name=NAME, digest="d" * 64, path=spec.path)
        )

    assert not any(secret in each.read_bytes() for each in vaults.MEMORY.rglob("*.gguf"))
    await executor.stop("replica-1", 0.0)
