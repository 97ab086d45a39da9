"""The header of a model file: read quickly, and every damage is one clear line."""

from __future__ import annotations

import contextlib
from pathlib import Path

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearth.engines.llm.gguf_metadata import read_metadata
from hearth.errors import SetupError
from tests.engines.models import CHAT_TEMPLATE, smollm2_path, vocabulary


def test_metadata_is_what_the_gguf_package_reads(tiny_model: Path) -> None:
    metadata = read_metadata(tiny_model)

    reader = gguf.GGUFReader(tiny_model)
    for key, field in reader.fields.items():
        if not key.startswith("GGUF."):
            assert metadata[key] == pytest.approx(field.contents()), key
    assert metadata["tokenizer.chat_template"] == CHAT_TEMPLATE
    assert metadata["tokenizer.ggml.tokens"] == vocabulary()


def test_the_real_model_is_read() -> None:
    metadata = read_metadata(smollm2_path())

    assert metadata["llama.context_length"] == 8192
    assert "tokenizer.ggml.merges" not in metadata


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"gone\.gguf cannot be read: No such file"):
        read_metadata(tmp_path / "gone.gguf")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGUF",
        b"not a model at all",
        b"GGUF\x09\0\0\0",
        b"GGUF\x03\0\0\0" + b"\xff" * 16,
        b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\x01" + b"\0" * 7 + b"\xff" * 8,
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)

    with pytest.raises(SetupError, match=r"bad\.gguf"):
        read_metadata(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=st.floats(0, 0.999))
def test_a_file_cut_short_in_its_header_is_refused(
    tmp_path: Path, tiny_model: Path, share: float
) -> None:
    data = tiny_model.read_bytes()
    header = data.index(b"output_norm.weight") + 60
    path = Path(tmp_path / "cut.gguf")
    path.write_bytes(data[: int(header * share)])

    with pytest.raises(SetupError):
        read_metadata(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.floats(0, 1), value=st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused_but_never_breaks_us(
    tmp_path: Path, tiny_model: Path, place: float, value: int
) -> None:
    data = bytearray(tiny_model.read_bytes()[:16_000])
    data[int(place * (len(data) - 1))] = value
    path = Path(tmp_path / "changed.gguf")
    path.write_bytes(data)

    with contextlib.suppress(SetupError):
        read_metadata(path)
