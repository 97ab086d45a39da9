"""What is sealed opens only with its key, whole, unchanged and under its own name."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from hearth.errors import SetupError
from hearth.kit.sealing import CHUNK_BYTES, Sealer
from hearth.kit.secret_keys import load_sealer

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
NAME = "accounts/acme/secrets/wandb"
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7]


@pytest.fixture
def sealer() -> Sealer:
    return Sealer([KEY])


def seal_stream(sealer: Sealer, plain: bytes, *, piece: int = 10_000) -> bytes:
    stream = sealer.sealing(name=NAME)
    pieces = [stream.seal(plain[at : at + piece]) for at in range(0, len(plain), piece)]
    return b"".join(pieces) + stream.finish()


def open_stream(sealer: Sealer, sealed: bytes, *, piece: int = 7_001, name: str = NAME) -> bytes:
    stream = sealer.opening(name=name)
    pieces = [stream.open(sealed[at : at + piece]) for at in range(0, len(sealed), piece)]
    return b"".join(pieces) + stream.finish()


def test_a_value_comes_back_and_never_looks_the_same_twice(sealer: Sealer) -> None:
    first, second = (sealer.seal(b"hunter2", name=NAME) for _ in range(2))

    assert sealer.open(first, name=NAME) == sealer.open(second, name=NAME) == b"hunter2"
    assert first != second
    assert b"hunter2" not in first + second


@pytest.mark.parametrize("at", [0, 3, 11, 22, 23, -1])
def test_a_changed_value_does_not_open(sealer: Sealer, at: int) -> None:
    sealed = bytearray(sealer.seal(b"hunter2", name=NAME))
    sealed[at] ^= 1

    with pytest.raises(SetupError, match=r"accounts/acme/secrets/wandb"):
        sealer.open(bytes(sealed), name=NAME)


def test_no_length_of_rubbish_opens(sealer: Sealer) -> None:
    for length in range(60):
        with pytest.raises(SetupError):
            sealer.open(b"HV1".ljust(length, b"x")[:length], name=NAME)


def test_a_value_moved_to_another_name_does_not_open(sealer: Sealer) -> None:
    sealed = sealer.seal(b"hunter2", name=NAME)

    with pytest.raises(SetupError, match="sealed under another name"):
        sealer.open(sealed, name="accounts/other/secrets/wandb")


def test_a_missing_key_is_named_with_the_remedy(sealer: Sealer) -> None:
    sealed = sealer.seal(b"hunter2", name=NAME)

    with pytest.raises(SetupError, match=f"key {sealer.key_id}.*HEARTH_SECRET_KEY"):
        Sealer([OTHER]).open(sealed, name=NAME)


def test_keys_change_by_putting_the_new_one_in_front(sealer: Sealer) -> None:
    old = sealer.seal(b"hunter2", name=NAME)
    changed = Sealer([OTHER, KEY])
    new = changed.seal(changed.open(old, name=NAME), name=NAME)

    assert (changed.is_current(old), changed.is_current(new)) == (False, True)
    assert Sealer([OTHER]).open(new, name=NAME) == b"hunter2"


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_of_any_size_comes_back(sealer: Sealer, size: int) -> None:
    plain = os.urandom(size)
    sealed = seal_stream(sealer, plain)

    assert open_stream(sealer, sealed) == plain
    assert open_stream(sealer, sealed, piece=1 << 20) == plain
    assert len(sealed) < size + 100 + size // 1000


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_cut_anywhere_is_not_taken_for_whole(sealer: Sealer, size: int) -> None:
    sealed = seal_stream(sealer, bytes(size))
    chunk, head = CHUNK_BYTES + 16, 43

    for end in {0, 10, head, head + 5, head + chunk, head + 2 * chunk, len(sealed) - 1}:
        if end < len(sealed):
            with pytest.raises(SetupError):
                open_stream(sealer, sealed[:end])


def test_chunks_of_a_stream_cannot_change_places_or_come_from_another(sealer: Sealer) -> None:
    plain = bytes(3 * CHUNK_BYTES)
    one, two = seal_stream(sealer, plain), seal_stream(sealer, plain)
    head, chunk = 43, CHUNK_BYTES + 16
    first, second = one[head : head + chunk], one[head + chunk : head + 2 * chunk]
    rest = one[head + 2 * chunk :]

    for forged in (
        one[:head] + second + first + rest,
        one[:head] + second + rest,
        one[:head] + two[head : head + chunk] + second + rest,
        one + b"x",
    ):
        with pytest.raises(SetupError):
            open_stream(sealer, forged)
    with pytest.raises(SetupError):
        open_stream(sealer, one, name="another")


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    sealed = load_sealer(home).seal(b"hunter2", name=NAME)

    assert load_sealer(home).open(sealed, name=NAME) == b"hunter2"
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["secret.key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from hearth.kit.secret_keys import load_sealer;"
        "sys.stdin.read(); print(load_sealer(Path(sys.argv[1])).key_id)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) for _ in range(4)]
    for process in processes:  # each goes on when its input closes
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    seen = {process.communicate(timeout=60)[0] for process in processes}

    assert len(seen) == 1
    assert len(seen.pop().strip()) == 16


def test_the_settings_key_stands_in_for_the_file(tmp_path: Path) -> None:
    keys = ",".join(b64encode(key).decode() for key in (OTHER, KEY))

    assert load_sealer(tmp_path, keys).key_id == Sealer([OTHER]).key_id
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["secret", "c2hvcnQ=", "é", ",", "A" * 43])
def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(SetupError, match="openssl rand -base64 32") as refused:
        load_sealer(tmp_path, text)

    assert len(text) == 1 or text not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\xff\n", b"c2hvcnQ=\n"])
def test_a_spoilt_key_file_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)

    with pytest.raises(SetupError, match=r"secret\.key"):
        load_sealer(tmp_path)
    assert path.read_bytes() == content
