"""How steps are cut where groups of tokens differ in length."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.llm.native.backend import NO_ADAPTER
from hearth.engines.llm.native.openvino_backend.passes import ABSENT, grouping, passes_of
from tests.engines.llm.native.stepping import Text, step_of

kinds = st.lists(
    st.tuples(st.integers(1, 200), st.integers(0, 80), st.integers(NO_ADAPTER, 5)),
    min_size=1,
    max_size=12,
)


def texts_of(kinds: list[tuple[int, int, int]]) -> list[Text]:
    return [
        Text([100 * n + i for i in range(count)], list(range(20 * n, 20 * n + 9)), past, adapter)
        for n, (count, past, adapter) in enumerate(kinds)
    ]


@given(kinds)
def test_every_token_is_computed_once_with_what_belongs_to_it(
    kinds: list[tuple[int, int, int]],
) -> None:
    texts = texts_of(kinds)
    step = step_of(texts)

    parts = passes_of(step)

    rows = np.concatenate([part.rows for part in parts])
    assert sorted(rows) == list(range(len(step.token_ids)))
    for part in parts:
        ids = part.step.token_ids[part.step.logit_rows]
        assert (ids == step.token_ids[step.logit_rows[part.rows]]).all()
        assert set(part.step.adapters) <= {*part.places, NO_ADAPTER}
        for n, past in enumerate(part.step.past_tokens):
            first = int(part.step.token_ids[part.step.starts[n]])
            text = next(each for each in texts if each.ids[0] == first)
            blocks = part.step.block_ids[part.step.block_starts[n] : part.step.block_starts[n + 1]]
            assert past == text.past
            assert list(blocks) == text.blocks[: len(blocks)]


@given(kinds)
def test_padding_is_bounded(kinds: list[tuple[int, int, int]]) -> None:
    for part in passes_of(step_of(texts_of(kinds))):
        if not part.places:
            continue
        found = grouping(part.step, {p: n for n, p in enumerate(part.places)}, len(part.places))
        with_adapter = int((found.group >= 0).sum())

        assert found.tokens.size <= max(4 * with_adapter, 32 * found.num_groups)


@given(kinds)
def test_what_is_gathered_goes_back_to_its_token(kinds: list[tuple[int, int, int]]) -> None:
    for part in passes_of(step_of(texts_of(kinds))):
        groups = {place: n for n, place in enumerate(part.places)}
        found = grouping(part.step, groups, len(groups)) if groups else None
        if found is None:
            continue
        back = found.back(1)
        adapters = np.repeat(part.step.adapters, np.diff(part.step.starts))
        for token, (place, row) in enumerate(zip(adapters, back, strict=True)):
            if place == NO_ADAPTER:
                assert row == ABSENT
            else:
                assert found.tokens.ravel()[row] == token
                assert row // found.longest == groups[int(place)]
