"""Reading headers: what good weights say, and that bad ones are refused, quickly and in words."""

from __future__ import annotations

import json
import struct
import time
from contextlib import suppress
from pathlib import Path

import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearth.catalog import ModelType, Weights
from hearth.catalog.gguf_header import TENSOR_TYPES, read_gguf_header
from hearth.catalog.inspect import inspect_folder, inspect_gguf
from hearth.errors import InvalidRequest
from tests.catalog.weights import (
    TEMPLATE,
    VOCABULARY,
    WIDTH,
    write_gguf,
    write_model_folder,
    write_safetensors,
)

SAME_FILE = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"The file of the fixture is made once and each example writes its own damage over it."


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    return path


def test_the_table_of_tensor_types_is_that_of_the_reference_library() -> None:
    reference = {
        int(kind): (GGMLQuantizationType(kind).name, *sizes)
        for kind, sizes in GGML_QUANT_SIZES.items()
    }

    assert reference == TENSOR_TYPES


def test_a_gguf_tells_its_model(gguf: Path) -> None:
    found = inspect_gguf(gguf)

    assert found.architecture == "llama"
    assert found.parameters == VOCABULARY * WIDTH + WIDTH * WIDTH + WIDTH
    assert (found.context_length, found.tokenizer) == (512, "gpt2")
    assert (found.chat_template, found.type) == (TEMPLATE, ModelType.CHAT)
    assert found.quantisation == "F32"


@pytest.mark.parametrize(("experts", "active"), [((8, 2), 2), ((8, 8), None), ((8, 0), None)])
def test_a_mixture_of_experts_tells_what_a_token_meets(
    tmp_path: Path, experts: tuple[int, int], active: int | None
) -> None:
    write_gguf(tmp_path / "mixture.gguf", experts=experts)
    others = VOCABULARY * WIDTH + WIDTH * WIDTH + WIDTH

    found = inspect_gguf(tmp_path / "mixture.gguf")

    assert found.parameters == others + 8 * WIDTH * WIDTH
    assert found.active_parameters == (None if active is None else others + active * WIDTH * WIDTH)


def test_the_default_model_is_read_as_what_it_is_within_half_a_second(
    default_weights: Weights,
) -> None:
    start = time.perf_counter()
    found = inspect_gguf(default_weights.path)

    assert time.perf_counter() - start < 0.5
    assert (found.architecture, found.parameters) == ("llama", 134_515_008)
    assert (found.context_length, found.quantisation) == (8192, "Q4_1")
    assert found.chat_template is not None


@pytest.mark.parametrize(
    ("architecture", "template", "expected"),
    [
        ("llama", None, ModelType.COMPLETION),
        ("qwen3", TEMPLATE, ModelType.CHAT),
        ("nomic-bert", None, ModelType.EMBEDDING),
    ],
)
def test_the_type_follows_from_architecture_and_template(
    tmp_path: Path, architecture: str, template: str | None, expected: ModelType
) -> None:
    write_gguf(tmp_path / "x.gguf", architecture=architecture, template=template)

    assert inspect_gguf(tmp_path / "x.gguf").type is expected


@given(st.data())
@SAME_FILE
def test_a_gguf_cut_anywhere_is_refused(gguf: Path, data: st.DataObject) -> None:
    whole = gguf.with_suffix(".whole")
    if not whole.exists():
        whole.write_bytes(gguf.read_bytes())
    content = whole.read_bytes()
    gguf.write_bytes(content[: data.draw(st.integers(0, len(content) - 200))])

    with pytest.raises(InvalidRequest, match=r"tiny\.gguf is not a usable GGUF"):
        read_gguf_header(gguf)


@given(st.data())
@SAME_FILE
def test_damaged_bytes_are_refused_or_read_but_never_crash(gguf: Path, data: st.DataObject) -> None:
    whole = gguf.with_suffix(".whole")
    if not whole.exists():
        whole.write_bytes(gguf.read_bytes())
    content = bytearray(whole.read_bytes())
    header_end = read_gguf_header(whole).data_offset
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, header_end))] = data.draw(st.integers(0, 255))
    gguf.write_bytes(bytes(content))

    with suppress(InvalidRequest):
        inspect_gguf(gguf)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "does not begin"),
        (b"GGUF", "cut short"),
        (b"PK\x03\x04" + bytes(100), "does not begin"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "keys"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62), "cut short"),
        (b"GGUF" + struct.pack("<IQQQcIIQ", 3, 0, 1, 1, b"k", 9, 0, 2**40), "array items"),
        (b"GGUF" + struct.pack("<IQQQcIIQ", 3, 0, 1, 1, b"k", 9, 8, 10**6), "cut short"),
        (b"GGUF" + struct.pack("<IQQQcI", 3, 0, 1, 1, b"k", 9) + b"\x09\0\0\0\1\0\0\0\0\0\0\0" * 9,
         "nested too deep"),
    ],
)  # fmt: skip
def test_hostile_headers_are_refused_with_the_reason(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)

    with pytest.raises(InvalidRequest, match=why):
        inspect_gguf(path)


def test_safetensors_tell_their_model(tmp_path: Path) -> None:
    write_model_folder(tmp_path / "m")

    entry, found = inspect_folder(tmp_path / "m")

    assert entry.name == "model.safetensors"
    assert (found.format, found.architecture) == ("safetensors", "LlamaForCausalLM")
    assert (found.parameters, found.quantisation, found.context_length) == (35, "F32", 2048)
    assert (found.chat_template, found.tokenizer) == (TEMPLATE, "BPE")
    assert found.type is ModelType.CHAT


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"architectures": ["BertModel"]}, ModelType.EMBEDDING),
        ({"architectures": ["XForSequenceClassification"]}, ModelType.RERANK),
        ({"architectures": ["XForConditionalGeneration"], "vision_config": {}}, ModelType.VISION),
        ({"model_type": "whisper"}, ModelType.TRANSCRIPTION),
        ({"_class_name": "FluxPipeline"}, ModelType.IMAGE),
    ],
)
def test_the_type_of_safetensors_follows_from_their_config(
    tmp_path: Path, config: dict[str, object], expected: ModelType
) -> None:
    write_model_folder(tmp_path / "m", config)

    assert inspect_folder(tmp_path / "m")[1].type is expected


@given(cut=st.integers(0, 400), place=st.integers(0, 200), value=st.integers(0, 255))
@SAME_FILE
def test_damaged_safetensors_are_refused_or_read_but_never_crash(
    tmp_path: Path, cut: int, place: int, value: int
) -> None:
    folder = tmp_path / "m"
    write_model_folder(folder)
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(bytes(content[: len(content) - cut]))

    with suppress(InvalidRequest):
        inspect_folder(folder)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "header runs past"),
        ((1 << 63).to_bytes(8, "little") + b"{}", "header runs past"),
        (b"\x02" + bytes(7) + b"{}", "no tensor"),
        (b"\x03" + bytes(7) + b"[1]", "JSON"),
    ],
)
def test_hostile_safetensors_are_refused_with_the_reason(
    tmp_path: Path, content: bytes, why: str
) -> None:
    write_model_folder(tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").write_bytes(content)

    with pytest.raises(InvalidRequest, match=why):
        inspect_folder(tmp_path / "m")


def test_a_tensor_that_ends_after_the_file_is_refused(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    write_model_folder(tmp_path / "m")
    raw = len(header).to_bytes(8, "little") + header + bytes(8)
    (tmp_path / "m" / "model.safetensors").write_bytes(raw)

    with pytest.raises(InvalidRequest, match="cut short"):
        inspect_folder(tmp_path / "m")


def test_a_folder_must_hold_exactly_one_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="Neither GGUF nor safetensors"):
        inspect_folder(tmp_path)
    write_gguf(tmp_path / "a.gguf")
    write_gguf(tmp_path / "b.gguf")
    with pytest.raises(InvalidRequest, match=r"several models: a\.gguf, b\.gguf"):
        inspect_folder(tmp_path)


def test_a_vision_projector_is_no_model_but_may_lie_beside_one(tmp_path: Path) -> None:
    write_gguf(tmp_path / "mmproj.gguf", architecture="clip")
    with pytest.raises(InvalidRequest, match="vision projector"):
        inspect_folder(tmp_path)
    write_gguf(tmp_path / "model.gguf")

    assert inspect_folder(tmp_path)[0].name == "model.gguf"


def test_a_gguf_in_parts_counts_as_one_and_must_be_complete(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m-00001-of-00002.gguf")
    with pytest.raises(InvalidRequest, match="1 of its 2 parts"):
        inspect_folder(tmp_path)
    write_gguf(tmp_path / "m-00002-of-00002.gguf")

    entry, found = inspect_folder(tmp_path)

    assert entry.name == "m-00001-of-00002.gguf"
    assert found.parameters == 2 * (VOCABULARY * WIDTH + WIDTH * WIDTH + WIDTH)


def test_safetensors_without_config_are_refused(tmp_path: Path) -> None:
    import numpy as np

    write_safetensors(tmp_path / "model.safetensors", {"a": np.zeros(2)})

    with pytest.raises(InvalidRequest, match=r"config\.json"):
        inspect_folder(tmp_path)
