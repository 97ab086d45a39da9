"""A change that was made for an earlier state is refused."""

from __future__ import annotations

import pytest

from hearth.errors import Conflict
from hearth.kit.etags import check_etag, etag_of

NOW = etag_of({"a": 1, "b": "x"})


def test_an_etag_follows_the_values_and_not_their_order() -> None:
    assert etag_of({"b": "x", "a": 1}) == NOW
    assert etag_of({"a": 2, "b": "x"}) != NOW


@pytest.mark.parametrize("given", [None, "", "*", NOW, f'"{NOW}"', f'W/"{NOW}"', f'"old", "{NOW}"'])
def test_the_present_state_is_recognised_however_it_is_written(given: str | None) -> None:
    check_etag(given, NOW)


@pytest.mark.parametrize("given", ["old", '"old"', f"{NOW}x", '""'])
def test_a_stale_one_is_a_conflict_with_the_remedy(given: str) -> None:
    with pytest.raises(Conflict, match=f"is '{NOW}' now; get it again") as refused:
        check_etag(given, NOW)

    assert refused.value.param == "etag"
