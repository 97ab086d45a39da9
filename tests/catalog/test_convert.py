"""Converting a GGUF: the reference library reads the result, and the numbers are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, quants

from hearth.catalog import Step, Weights
from hearth.catalog.convert import convert_gguf
from hearth.catalog.gguf_header import read_gguf_header
from hearth.catalog.inspect import inspect_gguf
from hearth.catalog.types import Form
from tests.catalog.weights import write_gguf

FILE_TYPES = {"F16": 1, "Q4_0": 2, "Q8_0": 7}


def ignore(_: Step) -> None:
    """Show nothing."""


def read_tensors(path: Path) -> dict[str, Any]:  # Any: numpy arrays as the reader gives them
    return {
        tensor.name: quants.dequantize(tensor.data, tensor.tensor_type)
        for tensor in GGUFReader(path).tensors
    }


def allowed_error(values: Any, form: Form) -> Any:
    """What rounding may cost: half a step of each block, and the half precision of its scale."""
    if form == "F16":
        return np.abs(values) * 2**-10 + 1e-7
    blocks = np.abs(values).reshape(-1, 32).max(axis=1, keepdims=True)
    # Q4_0 keeps 16 levels on [-8, 7] of the largest; on the short side a whole step can be lost.
    step = blocks / 127 * 0.5 if form == "Q8_0" else blocks / 8
    return np.broadcast_to(step * 1.01 + blocks * 2**-10, (len(blocks), 32)).reshape(values.shape)


@pytest.mark.parametrize("form", ["F16", "Q8_0", "Q4_0"])
@pytest.mark.parametrize("before", [None, GGMLQuantizationType.Q4_1, GGMLQuantizationType.BF16])
def test_every_tensor_stays_within_the_error_of_the_form(
    tmp_path: Path, form: Form, before: GGMLQuantizationType | None
) -> None:
    source, target = tmp_path / "a.gguf", tmp_path / "b.gguf"
    write_gguf(source, quantisation=before)

    convert_gguf(source, target, form, ignore)

    old, new = read_tensors(source), read_tensors(target)
    assert list(old) == list(new)
    for name, values in old.items():
        kept = name == "blk.0.attn_norm.weight"
        used: Form = "Q8_0" if form == "Q4_0" and name == "token_embd.weight" else form
        limit = 0 if kept else allowed_error(values, used)
        assert np.all(np.abs(new[name] - values) <= limit), name


@pytest.mark.parametrize("form", ["F16", "Q8_0", "Q4_0"])
def test_the_metadata_is_kept_and_the_file_type_set(tmp_path: Path, form: Form) -> None:
    source, target = tmp_path / "a.gguf", tmp_path / "b.gguf"
    write_gguf(source)

    convert_gguf(source, target, form, ignore)

    old, new = GGUFReader(source).fields, GGUFReader(target).fields
    assert old.keys() == new.keys()
    for key, entry in old.items():
        expected = FILE_TYPES[form] if key == "general.file_type" else entry.contents()
        assert new[key].contents() == expected, key
    assert inspect_gguf(target).quantisation == ("Q8_0" if form == "Q8_0" else form)


def test_a_file_without_a_file_type_gets_one(tmp_path: Path) -> None:
    source, target = tmp_path / "a.gguf", tmp_path / "b.gguf"
    write_gguf(source)
    hidden = source.read_bytes().replace(b"general.file_type", b"general.nile_type")
    source.write_bytes(hidden)

    convert_gguf(source, target, "Q8_0", ignore)

    assert GGUFReader(target).fields["general.file_type"].contents() == 7


def test_rows_that_are_no_whole_blocks_become_half_precision(tmp_path: Path) -> None:
    from gguf import GGUFWriter

    source, target = tmp_path / "a.gguf", tmp_path / "b.gguf"
    writer = GGUFWriter(source, "llama")
    writer.add_tensor("odd.weight", np.ones((3, 20), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    convert_gguf(source, target, "Q4_0", ignore)

    assert read_gguf_header(target).tensors[0].type_name == "F16"


def test_the_default_model_converts_and_its_embedding_is_copied_exactly(
    default_weights: Weights, tmp_path: Path
) -> None:
    target = tmp_path / "b.gguf"
    steps: list[Step] = []

    convert_gguf(default_weights.path, target, "Q8_0", steps.append)

    found = inspect_gguf(target)
    assert (found.quantisation, found.parameters) == ("Q8_0", 134_515_008)
    assert found.chat_template == default_weights.inspection.chat_template
    assert steps[-1].done_bytes <= (steps[-1].total_bytes or 0)
    old, new = read_gguf_header(default_weights.path), read_gguf_header(target)
    assert tensor_bytes(default_weights.path, old) == tensor_bytes(target, new)


def tensor_bytes(path: Path, header: Any) -> bytes:
    tensor = next(t for t in header.tensors if t.name == "token_embd.weight")
    with path.open("rb") as file:
        file.seek(header.data_offset + tensor.offset)
        return file.read(tensor.num_bytes)
