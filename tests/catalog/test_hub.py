"""Fetching from a model hub, over a network that misbehaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearth.catalog import ModelStore, Network
from hearth.errors import SetupError
from tests.catalog.hub import REPO, Hub
from tests.catalog.test_web import pull
from tests.catalog.weights import write_model_folder


def test_a_hub_file_is_listed_redirected_to_and_verified(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    pulled = pull(store, f"hf:{REPO}/tiny.gguf")

    assert pulled.path.read_bytes() == content
    assert [seen.status for seen in hub.seen] == [200, 302, 200]


def test_a_hub_file_that_differs_from_its_listed_sum_is_refused(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    hub.lies_about_sums = True

    with pytest.raises(SetupError, match="arrived damaged"):
        pull(store, f"hf:{REPO}/tiny.gguf")


def test_a_pattern_chooses_among_the_files_of_a_hub(hub: Hub, store: ModelStore) -> None:
    hub.files = {"a-Q4.gguf": b"", "sub/b-Q8.gguf": b"", "README.md": b"hello"}
    with pytest.raises(SetupError, match=r"one of a-Q4\.gguf, sub/b-Q8\.gguf"):
        pull(store, f"hf:{REPO}")
    with pytest.raises(SetupError, match=r"has no nothing\*.*a-Q4\.gguf"):
        pull(store, f"hf:{REPO}/nothing*")


def test_a_whole_repository_of_safetensors_is_fetched_without_pickles(
    hub: Hub, store: ModelStore, tmp_path: Path
) -> None:
    write_model_folder(tmp_path / "m")
    hub.files = {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()}
    hub.files["pytorch_model.bin"] = b"pickle"

    pulled = pull(store, f"hf:{REPO}")

    assert {file.path for file in pulled.manifest.files} == hub.files.keys() - {"pytorch_model.bin"}


def test_an_interrupted_hub_pull_keeps_whole_files_and_resumes_the_cut_one(
    hub: Hub, store: ModelStore, content: bytes
) -> None:
    hub.files = {"LICENSE.txt": b"free", "tiny.gguf": content}
    hub.cut_after = [4, 200_000, 0, 0, 0, 0, 0]
    with pytest.raises(SetupError):
        pull(store, f"hf:{REPO}")
    hub.cut_after.clear()
    hub.seen.clear()

    pull(store, f"hf:{REPO}")

    assert [seen.path for seen in hub.content_requests()] == ["/cdn/tiny.gguf"]
    assert [seen.status for seen in hub.content_requests()] == [206]


def test_files_of_two_commits_are_never_mixed(hub: Hub, store: ModelStore, content: bytes) -> None:
    hub.files = {"LICENSE.txt": b"free", "tiny.gguf": content}
    hub.cut_after = [4, 0, 0, 0, 0, 0]
    with pytest.raises(SetupError):
        pull(store, f"hf:{REPO}")
    hub.cut_after.clear()
    hub.commit = "f" * 40
    hub.files["LICENSE.txt"] = b"not so free"

    pulled = pull(store, f"hf:{REPO}")

    assert (pulled.folder / "LICENSE.txt").read_bytes() == b"not so free"


def test_the_token_goes_to_the_hub_and_not_to_where_it_redirects(
    hub: Hub, tmp_path: Path, content: bytes
) -> None:
    hub.token = "hf_secret"
    hub.redirect_to = hub.url.replace("127.0.0.1", "localhost")
    with pytest.raises(SetupError, match="HF_TOKEN"):
        pull(ModelStore(tmp_path / "a", network=Network(hub_endpoint=hub.url)), f"hf:{REPO}")
    network = Network.from_environ({"HF_ENDPOINT": hub.url + "/", "HF_TOKEN": "hf_secret"})

    pull(ModelStore(tmp_path / "b", network=network), f"hf:{REPO}")

    assert hub.content_requests()[-1].headers["Authorization"] is None
    assert "hf_secret" not in repr(network)


def test_a_repository_that_is_not_there_and_a_server_that_is_no_hub_are_told_apart(
    hub: Hub, store: ModelStore
) -> None:
    with pytest.raises(SetupError, match="is not there"):
        pull(store, "hf:org/other")
    hub.statuses = [200]
    with pytest.raises(SetupError, match="does not answer like a model hub"):
        pull(store, f"hf:{REPO}")


@pytest.mark.parametrize("path", ["../evil.gguf", "/evil.gguf", "a/../../evil.gguf", "a\\b.gguf"])
def test_a_hub_cannot_write_outside_the_store(hub: Hub, store: ModelStore, path: str) -> None:
    hub.files = {path: b"x"}

    with pytest.raises(SetupError, match="not stored"):
        pull(store, f"hf:{REPO}/*")
