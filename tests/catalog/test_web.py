"""Fetching from a URL, over a network that misbehaves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hearth.catalog import ModelStore, PullSpec, Step, Weights
from hearth.errors import SetupError
from tests.catalog.hub import REPO, Hub
from tests.catalog.weights import gguf_bytes

NAME = "accounts/me/models/tiny"


def pull(store: ModelStore, uri: str, *, sha256: str | None = None) -> Weights:
    return store.pull(PullSpec(name=NAME, uri=uri, sha256=sha256))


def ranges(hub: Hub) -> list[str | None]:
    return [seen.headers["Range"] for seen in hub.content_requests()]


def parts(store: ModelStore) -> list[Path]:
    return list(store.root.rglob("*.part"))


def test_a_url_becomes_a_model_and_reports_how_far_it_is(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    steps: list[Step] = []
    sha256 = hashlib.sha256(content).hexdigest()

    pulled = store.pull(
        PullSpec(name=NAME, uri=hub.file_url("tiny.gguf"), sha256=sha256), progress=steps.append
    )

    assert pulled.path.read_bytes() == content
    loading = [step for step in steps if step.stage == "downloading"]
    assert [step.done_bytes for step in loading] == sorted(step.done_bytes for step in loading)
    assert loading[-1].done_bytes == loading[-1].total_bytes == len(content)


def test_a_connection_cut_again_and_again_is_resumed(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    hub.cut_after = [200_000, 200_000, 0]

    pulled = pull(store, hub.file_url("tiny.gguf"))

    assert pulled.path.read_bytes() == content
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in ranges(hub)[1:] if asked]
    assert len(starts) == 3
    assert 0 < starts[0] < starts[1] == starts[2] < len(content)


def test_a_connection_that_gains_something_each_time_is_never_given_up(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    hub.cut_after = [70_000] * 9

    assert pull(store, hub.file_url("tiny.gguf")).path.read_bytes() == content
    assert len(hub.content_requests()) == 10


def test_without_a_strong_validator_nothing_is_joined(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    hub.has_weak_etags = True
    hub.cut_after = [200_000]

    assert pull(store, hub.file_url("tiny.gguf")).path.read_bytes() == content
    assert ranges(hub) == [None, None]


def test_what_a_pull_of_another_source_left_is_removed(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    interrupt(hub, store, hub.file_url("tiny.gguf"))
    hub.files["other.gguf"] = content

    interrupt(hub, store, hub.file_url("other.gguf"))

    assert [part.name for part in parts(store)] == ["other.gguf.part"]


def test_a_server_that_gives_nothing_is_given_up_with_the_remedy(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    hub.cut_after = [0] * 50

    with pytest.raises(SetupError, match="check the network and pull again"):
        pull(store, hub.file_url("tiny.gguf"))
    assert len(hub.content_requests()) == 5


def test_a_busy_server_is_asked_again(hub: Hub, store: ModelStore, content: bytes) -> None:
    hub.statuses = [503, 429, 500]

    assert pull(store, hub.file_url("tiny.gguf")).path.read_bytes() == content


def interrupt(hub: Hub, store: ModelStore, uri: str) -> None:
    """Leave a pull of 200 kB behind that gave up."""
    hub.cut_after = [200_000, 0, 0, 0, 0, 0]
    with pytest.raises(SetupError):
        pull(store, uri)
    assert parts(store)
    hub.cut_after.clear()
    hub.seen.clear()


def test_a_file_that_changed_meanwhile_is_fetched_anew(
    hub: Hub, store: ModelStore, content: bytes, tmp_path: Path
) -> None:
    uri = hub.file_url("tiny.gguf")
    interrupt(hub, store, uri)
    hub.files["tiny.gguf"] = gguf_bytes(tmp_path, big=2500, seed=7)

    pulled = pull(store, uri)

    assert [seen.status for seen in hub.content_requests()] == [200]
    assert pulled.path.read_bytes() == hub.files["tiny.gguf"] != content


def test_a_file_that_became_shorter_meanwhile_is_fetched_anew(
    hub: Hub, store: ModelStore, content: bytes, tmp_path: Path
) -> None:
    uri = hub.file_url("tiny.gguf")
    interrupt(hub, store, uri)
    hub.files["tiny.gguf"] = gguf_bytes(tmp_path)

    assert pull(store, uri).path.read_bytes() == hub.files["tiny.gguf"]


def test_a_server_without_ranges_is_read_from_the_start(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    hub.ignores_ranges = True
    hub.cut_after = [200_000]

    assert pull(store, hub.file_url("tiny.gguf")).path.read_bytes() == content


def test_a_download_complete_before_a_crash_is_only_confirmed(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    uri = hub.file_url("tiny.gguf")
    interrupt(hub, store, uri)
    parts(store)[0].write_bytes(content)

    assert pull(store, uri).path.read_bytes() == content
    assert [seen.status for seen in hub.content_requests()] == [416]


def test_bytes_that_do_not_match_the_known_sum_are_refused_and_forgotten(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    with pytest.raises(SetupError, match="arrived damaged"):
        pull(store, hub.file_url("tiny.gguf"), sha256="0" * 64)

    assert store.find(NAME) is None
    assert not list(store.root.rglob("*.gguf"))


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_fetched(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    hub.claimed_bytes = 1 << 50

    with pytest.raises(SetupError, match="HEARTH_HOME to a folder on a larger disk"):
        pull(store, hub.file_url("tiny.gguf"))
    assert not parts(store)


@pytest.mark.parametrize(
    ("status", "message"), [(401, "HF_TOKEN"), (403, "HF_TOKEN"), (404, "spelling"), (410, "410")]
)
def test_a_refusal_is_explained_and_not_repeated(
    hub: Hub, store: ModelStore, content: bytes, status: int, message: str
) -> None:
    hub.statuses = [status]

    with pytest.raises(SetupError, match=message):
        pull(store, hub.file_url("tiny.gguf") + "?signature=secret-thing")
    assert len(hub.seen) == 1


def test_a_redirect_to_plain_http_elsewhere_is_not_followed(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    hub.redirect_to = "http://192.0.2.1"

    with pytest.raises(SetupError, match="not https"):
        pull(store, f"{hub.url}/{REPO}/resolve/{hub.commit}/tiny.gguf")


def test_secrets_of_a_url_are_not_kept(hub: Hub, store: ModelStore, content: bytes) -> None:
    hub.files["tiny.gguf"] = content
    with pytest.raises(SetupError) as caught:
        pull(store, hub.file_url("no.gguf") + "?signature=hush")
    assert "hush" not in str(caught.value)
    hub.cut_after = [200_000, 0, 0, 0, 0, 0]
    with pytest.raises(SetupError):
        pull(store, hub.file_url("tiny.gguf") + "?signature=hush")

    kept = [path.read_bytes() for path in store.root.rglob("*") if path.is_file()]

    assert kept
    assert not any(b"hush" in raw for raw in kept)
