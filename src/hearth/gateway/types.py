"""The bodies of the inference API, as clients send them.

Names, bounds and defaults are those of the Fireworks API (chat completions and completions
reference); `decode` deals with unknown fields before they come here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Temperature = Annotated[float, Meta(ge=0, le=2)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Positive = Annotated[float, Meta(ge=0)]
Natural = Annotated[int, Meta(ge=0, le=2**31 - 1)]
StopText = Annotated[str, Meta(min_length=1, max_length=1024)]
Bias = Annotated[float, Meta(ge=-100, le=100)]

Role = Literal["system", "developer", "user", "assistant", "tool"]


class ContentPart(Struct, frozen=True):
    """A part of a message's content; only text has an engine so far."""

    type: Literal["text", "image_url", "video_url", "audio_url", "input_audio"]
    text: str | None = None


class ChatMessage(Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[Any] | None = None  # Any: refused until tools have an engine
    tool_call_id: str | None = None
    reasoning_content: str | None = None


class StreamOptions(Struct, frozen=True):
    """What a stream carries besides text."""

    include_usage: bool | None = None


class ResponseFormat(Struct, frozen=True):
    """The form an answer must have."""

    type: str


class InferenceRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What chat completions and completions have in common."""

    model: Annotated[str, Meta(min_length=1, max_length=512)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Natural | None = None
    max_completion_tokens: Natural | None = None
    temperature: Temperature | None = None
    top_p: Fraction | None = None
    top_k: Annotated[int, Meta(ge=0, le=100)] | None = None
    min_p: Fraction | None = None
    typical_p: Fraction | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repetition_penalty: Annotated[float, Meta(gt=0, le=2)] | None = None
    mirostat_target: Positive | None = None
    mirostat_lr: Positive | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    stop: StopText | Annotated[list[StopText], Meta(max_length=4)] | None = None
    ignore_eos: bool | None = None
    logit_bias: dict[str, Bias] | None = None
    context_length_exceeded_behavior: Literal["truncate", "error"] | None = None
    perf_metrics_in_response: bool | None = None
    prompt_cache_key: str | None = None
    user: str | None = None
    metadata: Annotated[dict[str, str], Meta(max_length=64)] | None = None
    response_format: ResponseFormat | None = None


class ChatRequest(InferenceRequest, frozen=True, kw_only=True):
    """The body of POST /chat/completions."""

    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=16_384)]
    prompt_truncate_len: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None


class CompletionRequest(InferenceRequest, frozen=True, kw_only=True):
    """The body of POST /completions; a list of prompts is texts, or token ids, or lists of them."""

    prompt: str | Annotated[list[str | Natural | list[Natural]], Meta(min_length=1)]
