"""Reads what an answer says it used, by the words of any OpenAI-style API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Foreign = Any  # Any: an object of a client's package, or JSON


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The tokens of one request."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    "Part of `prompt_tokens`."
    completion_tokens: int = 0


def usage_of(answer: object) -> Usage | None:
    """The usage that an answer, or a piece of a stream, carries; None when it carries none."""
    found = _get(answer, "usage") or _get(_get(answer, "response"), "usage")  # Responses: inside
    return None if not found else read_usage(found)


def read_usage(usage: object) -> Usage:
    """Read a `usage` of Chat Completions, Completions, Embeddings, Responses or Messages."""
    details = _get(usage, "prompt_tokens_details") or _get(usage, "input_tokens_details")
    # Messages count what a cache holds beside the input; all others inside it.
    read, written = (_count(usage, f"cache_{kind}_input_tokens") for kind in ("read", "creation"))
    return Usage(
        prompt_tokens=_count(usage, "prompt_tokens", "input_tokens") + read + written,
        cached_tokens=_count(details, "cached_tokens") + read,
        completion_tokens=_count(usage, "completion_tokens", "output_tokens"),
    )


def model_of(answer: object) -> str:
    """The model that an answer says it is from; empty when it says nothing."""
    found = _get(answer, "model") or _get(_get(answer, "response"), "model")
    return found if isinstance(found, str) else ""


def has_text(piece: object) -> bool:
    """Whether a piece of a stream carries a part of the answer, and not only its frame."""
    kind = _get(piece, "type")
    if isinstance(kind, str):
        return kind.endswith(".delta")
    choices = _get(piece, "choices")
    if not isinstance(choices, list) or not choices:
        return False
    delta = _get(choices[0], "delta")
    parts = ("content", "reasoning_content", "tool_calls")
    return bool(_get(choices[0], "text")) or any(_get(delta, part) for part in parts)


def _count(of: object, *names: str) -> int:
    found = next((value for name in names if (value := _get(of, name)) is not None), 0)
    return max(0, found) if isinstance(found, int) else 0


def _get(of: object, name: str) -> Foreign:
    return of.get(name) if isinstance(of, Mapping) else getattr(of, name, None)
