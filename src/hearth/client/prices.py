"""What tokens cost: by the price book and the catalogue that Hearth comes with, or by a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from hearth.client.usage import Usage

Dollars = float | str | Decimal
UserPrice = Dollars | Mapping[str, Dollars]
"""Dollars per token, or `input` and `output`, and where it differs `cached_input`."""

Cost = Callable[[Usage], int]
"""Nano-USD of one request."""
Prices = Callable[[str], Cost | None]
"""How a model's requests are priced; None: no price is known."""

_BILLION = 10**9
_KINDS = {"input", "output", "cached_input"}


def nano_usd(amount: Dollars) -> int:
    """Nano-USD of a number of dollars, cut to whole ones.

    Raises:
        ValueError: it is negative or no number.
    """
    return int(_decimal(amount).scaleb(9))


def user_prices(table: Mapping[str, UserPrice]) -> Prices:
    """Prices by model; `accounts/a/models/m` is also found as `m`.

    Raises:
        ValueError: naming the model whose price makes no sense.
    """
    costs = {model: _user_cost(model, price) for model, price in table.items()}
    return lambda model: costs.get(model) or costs.get(model.rpartition("/")[2])


def shipped_prices() -> Prices:
    """Prices by every name of a model that the catalogue knows."""
    # Here, since the server's packages take longer to load than all else in this folder.
    from hearth.catalog import PUBLIC_ACCOUNT, Catalog, subject_of
    from hearth.pricing import price_for, rate, shipped_book

    catalog, book = Catalog.load(), shipped_book()

    def find(name: str) -> Cost | None:
        model = catalog.resolve(name, PUBLIC_ACCOUNT)
        price = None if model is None else price_for(book, subject_of(model))
        if price is None or not (made := rate(price, book)).by_tokens:
            return None
        return lambda used: made.of_tokens(
            used.prompt_tokens, used.cached_tokens, used.completion_tokens
        )

    return find


def _user_cost(model: str, price: UserPrice) -> Cost:
    kinds = price if isinstance(price, Mapping) else {"input": price, "output": price}
    if not {"input"} <= set(kinds) <= _KINDS:
        raise ValueError(f"The price of {model} needs input, and may have output, cached_input.")
    try:
        amounts = {kind: _per_billion(value) for kind, value in kinds.items()}
    except ValueError as error:
        raise ValueError(f"The price of {model} makes no sense: {error}.") from None
    prompt = amounts["input"]
    cached, completion = amounts.get("cached_input", prompt), amounts.get("output", prompt)

    def cost(used: Usage) -> int:
        num_cached = min(used.cached_tokens, used.prompt_tokens)
        exact = (used.prompt_tokens - num_cached) * prompt + num_cached * cached
        exact += used.completion_tokens * completion
        return (exact + _BILLION // 2) // _BILLION  # half up, as price books do

    return cost


def _per_billion(price: Dollars) -> int:
    """Nano-USD for a billion tokens: what `0.07 / 1_000_000` means, though no float says it."""
    return round(_decimal(price).scaleb(18))


def _decimal(amount: Dollars) -> Decimal:
    try:
        found = Decimal(str(amount))
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or not 0 <= found < 10**6:
        raise ValueError(f"{amount!r} is no number of dollars from 0 to a million")
    return found
