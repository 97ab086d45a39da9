"""What a deployment does now, by what its workers say: rates for the autoscaler and people."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import asdict

from hearth.deployments.autoscaling import Observation
from hearth.engines.protocol import Stats

RATE_WINDOW_S = 10.0

Sums = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class _Moment:
    at_s: float
    sums: Sums
    busy: float


class Load:
    """Watches one deployment; knows what was done since the first look."""

    def __init__(self) -> None:
        self._last: dict[str, Sums] = {}
        self._totals: Sums = {}
        self._moments: deque[_Moment] = deque()
        self.last_request_s: float | None = None
        self.last_in_vain_s: float | None = None
        "Of these, the last that found no replica."

    def look(self, stats: Mapping[str, Stats], now_s: float) -> None:
        """Take in what workers say.

        Args:
            stats: by replica; one whose sums fell was started again and counts from 0.
        """
        was = dict(self._totals)
        for replica_id, each in stats.items():
            sums = {name: float(value) for name, value in asdict(each.tally).items()}
            before = self._last.get(replica_id, {})
            is_new = any(sums[name] < before.get(name, 0.0) for name in sums)
            for name, value in sums.items():
                gained = value - (0.0 if is_new else before.get(name, 0.0))
                self._totals[name] = self._totals.get(name, 0.0) + gained
            self._last[replica_id] = sums
        self._last = {name: sums for name, sums in self._last.items() if name in stats}
        if self._totals.get("started", 0.0) > was.get("started", 0.0):
            self.last_request_s = now_s
        busy = float(sum(each.running + each.waiting for each in stats.values()))
        self._moments.append(_Moment(at_s=now_s, sums=dict(self._totals), busy=busy))
        while self._moments[0].at_s < now_s - RATE_WINDOW_S and len(self._moments) > 2:
            self._moments.popleft()

    @property
    def is_still(self) -> bool:
        """Whether nothing was done over the whole window, so that looking again tells nothing."""
        if not self._moments:
            return True
        first, latest = self._moments[0], self._moments[-1]
        return latest.busy == first.busy == 0.0 and latest.sums == first.sums

    def asked(self, at_s: float) -> None:
        """A request came that found no replica."""
        self.last_request_s = max(at_s, self.last_request_s or at_s)
        self.last_in_vain_s = max(at_s, self.last_in_vain_s or at_s)

    def observation(self, num_ready: int, slots: int) -> Observation:
        """What the autoscaler goes by."""
        busy = self._moments[-1].busy if self._moments else 0.0
        return Observation(
            ready_replicas=num_ready,
            busy_slots=busy,
            slots_per_replica=max(1, slots),
            tokens_generated_per_second=self._rate("generated_tokens"),
            prompt_tokens_per_second=self._rate("prompt_tokens"),
            requests_per_second=self._rate("finished"),
            concurrent_requests=busy,
            last_request_s=self.last_request_s,
        )

    def values(self, num_ready: int, slots: int) -> Sums:
        """What `:metrics` shows, by the contract's names in lower case; means over the window."""
        seen = self.observation(num_ready, slots)
        finished = self._gained("finished")
        failed = self._gained("failed")
        completion = self._gained("completion_tokens")
        prompt = self._gained("prompt_tokens")
        each = 1.0 / finished if finished else 0.0
        decode_s = self._gained("decode_s")
        queue_s, prefill_s = self._gained("queue_s"), self._gained("prefill_s")
        return {
            "replica_count": float(num_ready),
            "load": seen.busy_slots / (slots * num_ready) if slots * num_ready else 0.0,
            "concurrent_requests": seen.concurrent_requests,
            "requests_per_second": seen.requests_per_second,
            "requests_total": self._totals.get("finished", 0.0) + self._totals.get("failed", 0.0),
            "requests_error_rate": failed / (finished + failed) if failed else 0.0,
            "tokens_per_second": seen.tokens_generated_per_second + seen.prompt_tokens_per_second,
            "tokens_generated_per_second": seen.tokens_generated_per_second,
            "tokens_prompt_per_request": prompt * each,
            "tokens_generated_per_request": completion * each,
            "prompt_cache_hit_rate": self._gained("cached_tokens") / prompt if prompt else 0.0,
            "latency": (queue_s + prefill_s + decode_s) * each,
            "prefill_queue_latency": queue_s * each,
            "first_token_latency": (queue_s + prefill_s) * each,
            "generation_per_token_latency": decode_s / completion if completion else 0.0,
        }

    def _gained(self, name: str) -> float:
        if not self._moments:
            return 0.0
        return self._moments[-1].sums.get(name, 0.0) - self._moments[0].sums.get(name, 0.0)

    def _rate(self, name: str) -> float:
        if len(self._moments) < 2:
            return 0.0
        return self._gained(name) / max(1e-9, self._moments[-1].at_s - self._moments[0].at_s)
