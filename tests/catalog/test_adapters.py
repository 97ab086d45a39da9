"""Adapters become files that an engine loads, or are refused by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from hearth.catalog import Weights, adapter_for
from hearth.errors import InvalidRequest
from tests.catalog.peft_folders import Puller, random_matrices, write_peft
from tests.catalog.weights import write_model_folder, write_safetensors
from tests.engines.adapters import MODULES, random_lora, write_lora
from tests.engines.models import write_tiny_model

Q = "layers.0.self_attn.q_proj"


@pytest.fixture
def base(pull: Puller, tmp_path: Path) -> Weights:
    return pull(write_tiny_model(tmp_path / "tiny.gguf"), "tiny")


@pytest.fixture
def adapted(pull: Puller, tmp_path: Path, base: Weights) -> Callable[..., Weights]:
    """Makes and pulls an adapter of the base."""

    def make(
        name: str = "mine", *, changed: dict[str, Any] | None = None, **config: Any
    ) -> Weights:
        matrices = random_matrices(base.path) | (changed or {})
        more = config.pop("more", None)
        folder = write_peft(tmp_path / name, matrices, more=more, **config)
        return pull(folder, name)

    return make


def test_a_peft_folder_is_converted_once_for_each_base(
    pull: Puller, tmp_path: Path, base: Weights, adapted: Any
) -> None:
    twin = write_tiny_model(tmp_path / "twin.gguf", seed=2)
    other = pull(twin, "twin")
    adapter = adapted()

    first = adapter_for(adapter, base)
    made = Path(first.path).stat().st_ino
    again = adapter_for(adapter, base)
    elsewhere = adapter_for(adapter, other)

    assert first == again
    assert Path(again.path).stat().st_ino == made
    assert first.name == "accounts/me/models/mine"
    assert first.digest == hashlib.sha256(Path(first.path).read_bytes()).hexdigest()
    assert elsewhere.path != first.path
    assert elsewhere.digest == first.digest  # they differ by weights only
    assert len(list((adapter.folder / ".lora").iterdir())) == 2
    assert pull.store.find(adapter.name) is not None


def test_a_gguf_adapter_is_taken_as_it_is(pull: Puller, tmp_path: Path, base: Weights) -> None:
    file = write_lora(tmp_path / "lora.gguf", random_lora(base.path, seed=1))
    adapter = pull(file, "as-it-is")

    given = adapter_for(adapter, base)

    assert given.digest == adapter.sha256
    assert Path(given.path).read_bytes() == file.read_bytes()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"use_dora": True}, "DoRA"),
    ({"bias": "lora_only"}, "`bias` 'lora_only'"),
    ({"lora_bias": True}, "`lora_bias`"),
    ({"modules_to_save": ["lm_head"]}, "`modules_to_save`"),
    ({"fan_in_fan_out": True}, "`fan_in_fan_out`"),
    ({"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4"),
    ({"rank_pattern": {"(a+)+$": 8}}, "patterns"),
    ({"alora_invocation_tokens": [1]}, "`alora_invocation_tokens`"),
    ({"target_parameters": ["experts"]}, "`target_parameters`"),
    ({"peft_type": "IA3"}, "type IA3"),
    ({"lora_alpha": 0}, "above 0"),
    ({"r": 0}, "above 0"),
    ({"r": 8}, "the config says 8"),
    ({"r": "four"}, "does not fit"),
    ({"more": {"base_model.model.model.embed_tokens.lora_embedding_A": np.ones((4, 9))}},
     "lora_embedding_A"),
    ({"more": {"base_model.model.lm_head.weight": np.ones((9, 4))}}, "lm_head"),
    ({"more": {f"base_model.model.model.{Q}.lora_magnitude_vector": np.ones(32)}}, "magnitude"),
    ({"more": {"vision_tower.layers.0.self_attn.q_proj.lora_A.weight": np.ones((4, 9))}},
     "vision_tower"),
    ({"more": {f"base_model.model.model.{Q}.lora_A.other.weight": np.ones((4, 32))}}, "twice"),
    ({"changed": {Q: (np.ones((4, 32)), np.full((32, 4), np.nan))}}, "not finite"),
    ({"changed": {Q: (np.ones((4, 32)), np.full((32, 4), np.inf))}}, "not finite"),
    ({"changed": {Q: (np.ones((4, 31)), np.ones((32, 4)))}}, "another base"),
    ({"changed": {"layers.7.mlp.up_proj": (np.ones((4, 32)), np.ones((64, 4)))}}, "is not there"),
    ({"changed": {Q: (np.ones((4, 32)), np.ones((32, 3)))}}, "ranks 4 and 3"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "named"), REFUSED)
def test_what_cannot_be_served_is_refused_by_name(
    adapted: Any, base: Weights, options: dict[str, Any], named: str
) -> None:
    adapter = adapted(**options)

    with pytest.raises(InvalidRequest) as refused:
        adapter_for(adapter, base)

    assert named in refused.value.message
    assert not list((adapter.folder / ".lora").iterdir())


def test_an_adapter_that_touches_nothing_is_refused(
    pull: Puller, tmp_path: Path, base: Weights
) -> None:
    folder = write_peft(tmp_path / "none", {}, more={"other": np.ones(3, np.float32)})
    empty = write_lora(tmp_path / "empty.gguf", {})

    with pytest.raises(InvalidRequest, match="other"):
        adapter_for(pull(folder, "none"), base)
    with pytest.raises(InvalidRequest, match="change nothing"):
        adapter_for(pull(empty, "empty"), base)


def test_a_gguf_adapter_of_another_model_is_refused(
    pull: Puller, tmp_path: Path, base: Weights
) -> None:
    lora = random_lora(base.path, seed=1)
    name, (a, b) = next(iter(lora.items()))
    files = {
        "for gemma": write_lora(tmp_path / "g.gguf", lora, architecture="gemma"),
        "another base": write_lora(tmp_path / "w.gguf", {name: (a[:, :16].copy(), b)}),
        "no pair": write_lora(tmp_path / "p.gguf", {"blk.9.attn_q.weight": (a, b)}),
        "not finite": write_lora(tmp_path / "n.gguf", {name: (a * np.float32("nan"), b)}),
    }

    for number, (why, file) in enumerate(files.items()):
        with pytest.raises(InvalidRequest, match=why):
            adapter_for(pull(file, f"alien{number}"), base)


def test_bases_that_adapters_cannot_be_put_on_are_refused(
    pull: Puller, tmp_path: Path, adapted: Any, base: Weights
) -> None:
    write_model_folder(tmp_path / "hf")
    phi = write_tiny_model(tmp_path / "phi.gguf", architecture="phi3")
    adapter = adapted()

    with pytest.raises(InvalidRequest, match="is not there"):
        adapter_for(adapter, pull(tmp_path / "hf", "hf"))
    with pytest.raises(InvalidRequest, match="architecture phi3"):
        adapter_for(adapter, pull(phi, "phi"))
    with pytest.raises(InvalidRequest, match="not an adapter"):
        adapter_for(base, base)


def test_a_base_of_safetensors_keeps_the_order_of_rows(
    pull: Puller, tmp_path: Path, adapted: Any, base: Weights
) -> None:
    tensors = gguf.GGUFReader(base.path).tensors
    names = {f"blk.{n}.{key}.weight": f"model.layers.{n}.{module}.weight"
             for n in (0, 1) for key, module in MODULES.items()}  # fmt: skip
    write_model_folder(tmp_path / "hf")
    write_safetensors(
        tmp_path / "hf" / "model.safetensors",
        {names[each.name]: each.data for each in tensors if each.name in names},
    )
    folder = pull(tmp_path / "hf", "hf")
    lora = pull(write_lora(tmp_path / "l.gguf", random_lora(base.path, seed=1)), "in-gguf")

    made = gguf.GGUFReader(adapter_for(adapted(), folder).path)

    rows = {each.name: each.data for each in made.tensors}
    expected = random_matrices(base.path)[Q][1]
    np.testing.assert_array_equal(rows["blk.0.attn_q.weight.lora_b"], expected)
    assert made.fields["general.architecture"].contents() == "llama"
    with pytest.raises(InvalidRequest, match="rows in another order"):
        adapter_for(lora, folder)


def test_a_conversion_that_was_killed_leaves_nothing_that_is_used(
    adapted: Any, base: Weights
) -> None:
    adapter = adapted()
    scratch = adapter.folder / ".lora" / "tmpabc"
    scratch.mkdir(parents=True)
    (scratch / "adapter.gguf").write_bytes(b"GGUF")

    given = adapter_for(adapter, base)

    assert gguf.GGUFReader(given.path).fields["general.type"].contents() == "adapter"


def test_half_precision_is_read_too(pull: Puller, tmp_path: Path, base: Weights) -> None:
    a, b = np.full((4, 32), 1.5), np.full((32, 4), -0.25)
    folder = write_peft(tmp_path / "f32", {Q: (a, b)})
    file = folder / "adapter_model.safetensors"
    raw = file.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    values = np.frombuffer(raw[8 + length :], np.float32)
    halves = (values.view(np.uint32) >> 16).astype(np.uint16)
    header = raw[8 : 8 + length].replace(b"F32", b"BF16")
    header = header.replace(b"[0, 512]", b"[0, 256]").replace(b"[512, 1024]", b"[256, 512]")
    file.write_bytes(len(header).to_bytes(8, "little") + header + halves.tobytes())

    given = adapter_for(pull(folder, "halves"), base)

    tensors = {each.name: each.data for each in gguf.GGUFReader(given.path).tensors}
    assert (tensors["blk.0.attn_q.weight.lora_a"] == 1.5).all()
    assert (tensors["blk.0.attn_q.weight.lora_b"] == -0.25).all()
