"""Whom a prompt shares cached prefixes with, as the gateway tells its workers."""

from __future__ import annotations

import pytest

from hearth.gateway.build import cache_group


def test_without_a_key_an_account_is_a_group() -> None:
    assert cache_group("acme", None) == cache_group("acme", "") == "acme"
    assert cache_group("acme", None) != cache_group("other", None)


@pytest.mark.parametrize("key", ["other", "/other", "acme", "other/blue"])
def test_a_key_divides_an_account_and_never_reaches_another(key: str) -> None:
    others = {cache_group("other", each) for each in (None, "blue", "/blue", "acme", key)}

    assert cache_group("acme", key) not in others
    assert cache_group("acme", key) != cache_group("acme", None)
