"""What was used, added up, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What was used, by one model or by all."""

    requests: int = 0
    requests_without_usage: int = 0
    "Part of `requests`: streams left early or still running, servers that do not say."
    prompt_tokens: int = 0
    cached_tokens: int = 0
    "Part of `prompt_tokens`."
    completion_tokens: int = 0
    cost_nano: int = 0
    "In nano-USD, a billionth of a dollar."

    @property
    def tokens(self) -> int:
        """Of prompts and completions."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost_usd(self) -> Decimal:
        """In dollars, exactly."""
        return Decimal(self.cost_nano).scaleb(-9)

    def __add__(self, other: Sums) -> Sums:
        mine, others = asdict(self), asdict(other)
        return Sums(**{name: mine[name] + others[name] for name in mine})

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """For JSON; `cost` is in dollars, `cost_nano` exact."""
        return {"tokens": self.tokens, "cost": float(self.cost_usd), **asdict(self)}


def table(models: Mapping[str, Sums], total: Sums) -> str:
    """A line per model, the dearest first, and one for all."""
    rows = sorted(models.items(), key=lambda item: (-item[1].cost_nano, item[0]))
    lines: list[tuple[str, ...]] = [("model", "requests", "prompt", "cached", "completion", "cost")]
    lines += [_row(name, sums) for name, sums in [*rows, ("total", total)]]
    name_width, *widths = (max(map(len, column)) for column in zip(*lines, strict=True))
    return "\n".join(
        "  ".join([name.ljust(name_width), *map(str.rjust, cells, widths)])
        for name, *cells in lines
    )


def _row(name: str, sums: Sums) -> tuple[str, ...]:
    counts = sums.requests, sums.prompt_tokens, sums.cached_tokens, sums.completion_tokens
    return name, *(f"{count:,}" for count in counts), f"${sums.cost_usd:,.9f}"
