"""What a run found, as a table."""

from __future__ import annotations

from dataclasses import dataclass

_HEAD = ("streams", "step ms", "device ms", "roofline ms", "share", "tok/s", "transformers tok/s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decode:
    """Steps of one token for each of some streams; times are of one step."""

    streams: int
    step_ms: float
    "With the logits in the host's memory."
    device_ms: float
    roofline_ms: float
    roofline_share: float
    "Of the time on the device; 1: as fast as memory allows."
    tokens_per_s: float
    rival_tokens_per_s: float | None
    "None: not measured."


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything."""

    device: str
    precision: str
    bandwidth_gb_per_s: float
    prefill_tokens_per_s: dict[int, float]
    "By the tokens of a step."
    decode: list[Decode]


def table(report: Report) -> str:
    """For people."""
    prefill = ", ".join(
        f"{rate:,.0f} tok/s in steps of {tokens}"
        for tokens, rate in report.prefill_tokens_per_s.items()
    )
    rows = [_HEAD, *(_row(decode) for decode in report.decode)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(
        [
            f"{report.device}, {report.precision}; copies at {report.bandwidth_gb_per_s:,.0f} GB/s",
            f"prefill: {prefill}",
            *lines,
        ]
    )


def _row(decode: Decode) -> tuple[str, ...]:
    rival = decode.rival_tokens_per_s
    return (
        str(decode.streams),
        f"{decode.step_ms:.2f}",
        f"{decode.device_ms:.2f}",
        f"{decode.roofline_ms:.2f}",
        f"{decode.roofline_share:.0%}",
        f"{decode.tokens_per_s:,.0f}",
        "-" if rival is None else f"{rival:,.0f}",
    )
