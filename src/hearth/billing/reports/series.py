"""Tokens over time: averages and peaks per minute, from the rows themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from msgspec import Struct

from hearth.billing.reports.types import Point, TimeSeries
from hearth.billing.times import Span, read_span
from hearth.errors import InvalidRequest
from hearth.kit.db import Database
from hearth.metering import MinuteTokens, minute_tokens

LONGEST = timedelta(days=31)
MAX_POINTS = 5_000
_MINUTE_S = 60
_INTERVAL = re.compile(r"(\d{1,8})(s|m|h|d)?", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class TokenQuery(Struct, frozen=True, kw_only=True):
    """What one asks of the token series."""

    span: Span
    interval_min: int
    with_peaks_by_model: bool
    with_averages_by_model: bool


class TokenSeries(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The answer; a value stands at the start of its interval."""

    total_peak_generated_tokens_per_minute: TimeSeries
    total_peak_uncached_prompt_tokens_per_minute: TimeSeries
    total_peak_cached_prompt_tokens_per_minute: TimeSeries
    average_tokens_per_minute_by_base_model: tuple[TimeSeries, ...] = ()
    peak_generated_tokens_per_minute_by_base_model: tuple[TimeSeries, ...] = ()
    peak_uncached_prompt_tokens_per_minute_by_base_model: tuple[TimeSeries, ...] = ()
    peak_cached_prompt_tokens_per_minute_by_base_model: tuple[TimeSeries, ...] = ()


def read_token_query(params: Mapping[str, str]) -> TokenQuery:
    """Read the query; the interval is 1 hour where none is named.

    Raises:
        InvalidRequest: a parameter is wrong; `param` says which.
    """
    span = read_span(params, ("start", "end"), longest=LONGEST)
    interval_min = _interval_min(params.get("interval") or "1h")
    if (span.end - span.start) / timedelta(minutes=interval_min) > MAX_POINTS:
        raise InvalidRequest(
            f"interval: this makes more than {MAX_POINTS} points; take a longer one.",
            param="interval",
        )
    return TokenQuery(
        span=span,
        interval_min=interval_min,
        with_peaks_by_model=_flag(params, "includePeakTokensPerMinuteByBaseModel"),
        with_averages_by_model=_flag(params, "includeAverageTokensPerMinuteByBaseModel"),
    )


async def token_series(db: Database, account_id: str, query: TokenQuery) -> TokenSeries:
    """The tokens of an account's serverless requests over time."""
    span = query.span
    async with db.read() as conn:
        rows = await minute_tokens(conn, account_id, start_ns=span.start_ns, end_ns=span.end_ns)
    models = sorted({row.model for row in rows})
    by_model = {model: [row for row in rows if row.model == model] for model in models}
    cut = _Cut(span, query.interval_min)

    def peaks(count: Callable[[MinuteTokens], int]) -> tuple[TimeSeries, ...]:
        if not query.with_peaks_by_model:
            return ()
        return tuple(cut.peaks(mine, count, model) for model, mine in by_model.items())

    averages = [cut.averages(mine, model) for model, mine in by_model.items()]
    return TokenSeries(
        total_peak_generated_tokens_per_minute=cut.peaks(rows, _generated),
        total_peak_uncached_prompt_tokens_per_minute=cut.peaks(rows, _uncached),
        total_peak_cached_prompt_tokens_per_minute=cut.peaks(rows, _cached),
        average_tokens_per_minute_by_base_model=(
            tuple(averages) if query.with_averages_by_model else ()
        ),
        peak_generated_tokens_per_minute_by_base_model=peaks(_generated),
        peak_uncached_prompt_tokens_per_minute_by_base_model=peaks(_uncached),
        peak_cached_prompt_tokens_per_minute_by_base_model=peaks(_cached),
    )


class _Cut:
    """A span in intervals of whole minutes, from its first minute on."""

    def __init__(self, span: Span, interval_min: int) -> None:
        self._first = int(span.start.timestamp()) // _MINUTE_S
        self._end = -(-int(span.end.timestamp()) // _MINUTE_S)
        self._interval_min = interval_min

    def peaks(
        self, rows: Iterable[MinuteTokens], count: Callable[[MinuteTokens], int], model: str = ""
    ) -> TimeSeries:
        """The most that any one minute of each interval has."""
        minutes: dict[int, int] = {}
        for row in rows:
            minutes[row.minute] = minutes.get(row.minute, 0) + count(row)
        values: dict[int, int] = {}
        for minute, tokens in minutes.items():
            start = self._start(minute)
            values[start] = max(values.get(start, 0), tokens)
        return self._series(values, model)

    def averages(self, rows: Iterable[MinuteTokens], model: str) -> TimeSeries:
        """All tokens of each interval over its minutes, rounded down."""
        values: dict[int, int] = {}
        for row in rows:
            start = self._start(row.minute)
            tokens = row.prompt_tokens + row.completion_tokens
            values[start] = values.get(start, 0) + tokens
        return self._series(
            {start: tokens // self._interval_min for start, tokens in values.items()}, model
        )

    def _start(self, minute: int) -> int:
        return minute - (minute - self._first) % self._interval_min

    def _series(self, values: Mapping[int, int], model: str) -> TimeSeries:
        starts = range(self._first, self._end, self._interval_min)
        points = (
            Point(timestamp=str(start * _MINUTE_S), value=str(values.get(start, 0)))
            for start in starts
        )
        return TimeSeries(labels={"base_model": model} if model else {}, values=tuple(points))


def _generated(row: MinuteTokens) -> int:
    return row.completion_tokens


def _uncached(row: MinuteTokens) -> int:
    return row.prompt_tokens - row.cached_tokens


def _cached(row: MinuteTokens) -> int:
    return row.cached_tokens


def _interval_min(text: str) -> int:
    match = _INTERVAL.fullmatch(text)
    seconds = int(match.group(1)) * _SECONDS[match.group(2) or "s"] if match else 0
    if seconds < _MINUTE_S or seconds % _MINUTE_S:
        raise InvalidRequest(
            f"interval: write whole minutes such as 60s, 5m or 1h, not {text[:40]!r}.",
            param="interval",
        )
    return seconds // _MINUTE_S


def _flag(params: Mapping[str, str], name: str) -> bool:
    text = params.get(name, "false").lower()
    if text not in {"true", "false"}:
        raise InvalidRequest(f"{name}: write true or false, not {text[:40]!r}.", param=name)
    return text == "true"
