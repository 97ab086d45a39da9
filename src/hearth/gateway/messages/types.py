"""The body of POST /messages, as Anthropic's clients send it.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from hearth.gateway.types import MAX_TOOLS, Fraction, Thinking

Schema = dict[str, Any]  # Any: a JSON Schema
NonEmpty = Annotated[str, Meta(min_length=1)]
Positive = Annotated[int, Meta(ge=1, le=2**31 - 1)]

MAX_STOPS = 64  # each is looked for at every token


class Block(Struct, frozen=True):
    """A block of content; which fields it has depends on its type.

    `cache_control` and whatever else only hints is not read.
    """

    type: str
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None  # Any: the arguments of a call
    tool_use_id: str | None = None
    content: str | list[Block] | None = None
    is_error: bool | None = None


class Turn(Struct, frozen=True):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str | list[Block]


class ToolParam(Struct, frozen=True):
    """A function that the model may call."""

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,128}$")] | None = None
    type: str | None = None
    description: str | None = None
    input_schema: Schema | None = None
    strict: bool | None = None


class ToolChoice(Struct, frozen=True):
    """Which functions the model may call, and whether it must."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class OutputFormat(Struct, frozen=True):
    """The form that an answer's text must have."""

    type: Literal["json_schema"]
    schema: Schema


class OutputConfig(Struct, frozen=True):
    """How much is thought, and in what form the text comes."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class RequestMetadata(Struct, frozen=True):
    """Who asks, in the client's own words."""

    user_id: str | None = None


class MessagesRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /messages."""

    model: Annotated[str, Meta(min_length=1, max_length=512)]
    messages: Annotated[list[Turn], Meta(min_length=1, max_length=100_000)]
    max_tokens: Positive | None = None
    system: str | list[Block] | None = None
    temperature: Fraction | None = None
    top_p: Fraction | None = None
    top_k: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    stop_sequences: Annotated[list[NonEmpty], Meta(max_length=MAX_STOPS)] | None = None
    stream: bool | None = None
    metadata: RequestMetadata | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    tools: Annotated[list[ToolParam], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    service_tier: str | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    "Not of the original API: a seed makes an answer repeat."
