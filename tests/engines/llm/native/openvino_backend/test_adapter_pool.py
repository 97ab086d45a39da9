"""Where adapters lie: whatever passes ask for, each finds its own matrices."""

from __future__ import annotations

import numpy as np
import openvino as ov
from hypothesis import given, settings
from hypothesis import strategies as st

from hearth.engines.llm.native.architecture import Architecture, Rope
from hearth.engines.llm.native.backend import AdapterWeights, LoraPair
from hearth.engines.llm.native.openvino_backend.adapter_pool import AdapterPool

MODEL = Architecture(
    family="test",
    num_layers=1,
    hidden_size=4,
    intermediate_size=6,
    num_heads=2,
    num_kv_heads=1,
    head_dim=2,
    vocabulary_size=8,
    context_tokens=8,
    norm_eps=1e-5,
    attention_scale=1.0,
    ropes=(Rope((1.0,)),),
    layer_ropes=(0,),
    layer_windows=(0,),
)
RANKS = (3, 8, 11, 1, 24, 8, 2, 5)


def weights_of(place: int) -> AdapterWeights:
    rank = RANKS[place]
    return {
        (0, "down"): LoraPair(
            a=np.full((rank, 6), place + 1, np.float32),
            b=np.full((4, rank), -place - 1, np.float32),
        )
    }


asks = st.lists(
    st.one_of(
        st.sets(st.integers(0, 7), min_size=1, max_size=8).map(sorted),
        st.integers(0, 7),  # dropped and put again
    ),
    max_size=30,
)


@settings(deadline=None)
@given(asks)
def test_each_adapter_of_a_pass_finds_its_own_matrices(asks: list[list[int] | int]) -> None:
    pool = AdapterPool(MODEL, ov.Type.f32)
    for place in range(8):
        pool.put(place, weights_of(place))

    for ask in asks:
        if isinstance(ask, int):
            pool.drop(ask)
            pool.put(ask, weights_of(ask))
            continue
        groups, tensors = pool.arranged(ask)
        first, second = tensors["a.0.down"].data, tensors["b.0.down"].data
        assert sorted(groups.values()) == list(range(len(ask)))
        for place, group in groups.items():
            assert (first[group, :, : RANKS[place]] == place + 1).all()
            assert (second[group, : RANKS[place]] == -place - 1).all()
            assert not first[group, :, RANKS[place] :].any()
            assert not second[group, RANKS[place] :].any()
