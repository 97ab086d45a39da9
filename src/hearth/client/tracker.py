"""Counts what a program uses and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from threading import Lock
from typing import Any, TypeVar

from hearth.client.errors import BudgetSpent
from hearth.client.prices import Cost, Dollars, UserPrice, nano_usd, shipped_prices, user_prices
from hearth.client.sums import Sums, table
from hearth.client.usage import Usage, model_of, read_usage, usage_of
from hearth.client.wrapping import wrap

T = TypeVar("T")

_UNNAMED = "(unnamed)"


class UsageTracker:
    """Requests, tokens and cost, in total and by the names that models are asked by.

    Safe to share between threads and tasks. Whatever is counted stays until the tracker goes.

    Args:
        prices: dollars per token by model; by default those that Hearth comes with.
        budget_usd: once so much is spent, wrapped clients raise BudgetSpent before they send. It
            guards one program against itself and is no limit: requests under way go on, what
            others spend is not seen, and usage that a server does not tell is not counted.
    """

    def __init__(
        self,
        *,
        prices: Mapping[str, UserPrice] | None = None,
        budget_usd: Dollars | None = None,
    ) -> None:
        self._prices = shipped_prices() if prices is None else user_prices(prices)
        self._budget = None if budget_usd is None else nano_usd(budget_usd)
        self._costs: dict[str, Cost | None] = {}
        self._models: dict[str, Sums] = {}
        self._lock = Lock()

    def wrap(self, client: T) -> T:
        """A client that counts here and otherwise is the given one, which stays as it is.

        Counted are `create` and `parse`, and `stream` where it calls them, of chat completions,
        completions, embeddings and responses. `with_streaming_response` is not.

        Raises:
            TypeError: it is no OpenAI-style client.
        """
        return wrap(client, self._begin)

    def track(self, model: str, usage: object) -> None:
        """Count a request by the `usage` of its answer, an object or a dict."""
        self._count(model, read_usage(usage))

    def track_request(
        self, model: str, input_tokens: int, output_tokens: int, *, cached_tokens: int = 0
    ) -> None:
        """Count a request; `cached_tokens` is the part of the input that came from a cache."""
        self._count(
            model,
            Usage(
                prompt_tokens=input_tokens,
                cached_tokens=cached_tokens,
                completion_tokens=output_tokens,
            ),
        )

    @property
    def models(self) -> dict[str, Sums]:
        """What each model was used for, by the name it was asked by."""
        with self._lock:
            return dict(self._models)

    @property
    def total(self) -> Sums:
        """Over all models."""
        return sum(self.models.values(), start=Sums())

    @property
    def cost_usd(self) -> Decimal:
        """Over all models, in dollars, exactly."""
        return self.total.cost_usd

    @property
    def unpriced(self) -> list[str]:
        """The models for which no price is known, and which therefore cost 0 here."""
        return sorted(name for name in self.models if self._cost_of(name) is None)

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Everything, for JSON."""
        models = self.models
        total = sum(models.values(), start=Sums())
        named = {name: sums.as_dict() for name, sums in models.items()}
        return total.as_dict() | {"models": named, "unpriced": self.unpriced}

    def report(self) -> str:
        """Everything, for people."""
        models = self.models
        total = sum(models.values(), start=Sums())
        lines = [table(models, total)]
        if total.requests_without_usage:
            lines.append(f"Without usage, so not in the sums: {total.requests_without_usage}.")
        if unpriced := self.unpriced:
            lines.append(f"No price is known for {', '.join(unpriced)}.")
        return "\n".join(lines)

    def _begin(self, model: str) -> _Request:
        spent = self.total.cost_nano
        if self._budget is not None and spent >= self._budget:
            raise BudgetSpent(f"{_usd(spent)} of the budget of {_usd(self._budget)} is spent.")
        return _Request(model, self._add, self._cost_of)

    def _count(self, model: str, usage: Usage) -> None:
        request = _Request(model, self._add, self._cost_of)
        request.opened()
        request.used(usage)

    def _add(self, model: str, sums: Sums) -> None:
        with self._lock:
            self._models[model] = self._models.get(model, Sums()) + sums

    def _cost_of(self, model: str) -> Cost | None:
        if model not in self._costs:
            self._costs[model] = self._prices(model)
        return self._costs[model]


class _Request:
    """Counts one request, and its usage whenever it tells more of it."""

    def __init__(
        self,
        model: str,
        add: Callable[[str, Sums], None],
        cost_of: Callable[[str], Cost | None],
    ) -> None:
        self._model = model
        self._add = add
        self._cost_of = cost_of
        self._known: Usage | None = None

    def answered(self, answer: object) -> None:
        self._model = self._model or model_of(answer)
        self.opened()
        self.piece(answer)

    def opened(self) -> None:
        self._model = self._model or _UNNAMED
        self._add(self._model, Sums(requests=1, requests_without_usage=1))

    def piece(self, piece: object) -> None:
        if (usage := usage_of(piece)) is not None:
            self.used(usage)

    def ended(self, error: BaseException | None) -> None:
        """What was known has been counted."""

    def used(self, after: Usage) -> None:
        """Count what is more than was known; each request is rounded once, as a whole.

        Servers that tell usage while they stream tell sums.
        """
        before = self._known or Usage()
        cost = self._cost_of(self._model)
        more = Sums(
            requests_without_usage=-1 if self._known is None else 0,
            prompt_tokens=after.prompt_tokens - before.prompt_tokens,
            cached_tokens=after.cached_tokens - before.cached_tokens,
            completion_tokens=after.completion_tokens - before.completion_tokens,
            cost_nano=0 if cost is None else cost(after) - cost(before),
        )
        self._known = after
        self._add(self._model, more)


def _usd(nano: int) -> str:
    return f"${Decimal(nano).scaleb(-9):f}"
