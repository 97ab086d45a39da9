"""The bodies of the Responses API, as clients of Fireworks and OpenAI send them.

https://docs.fireworks.ai/api-reference/post-responses and
https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from hearth.gateway.tool_types import FunctionSpec, NamedFunction, ToolName
from hearth.gateway.types import MAX_TOOLS, Fraction, Key, Temperature

Schema = dict[str, Any]  # Any: a JSON Schema
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Metadata = Annotated[dict[str, str], Meta(max_length=16)]
AtLeastOne = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Part(Struct, frozen=True, omit_defaults=True):
    """A part of an item's content; only texts have an engine so far."""

    type: str
    text: str | None = None
    refusal: str | None = None


class CalledFunction(Struct, frozen=True, omit_defaults=True):
    """The function of a call, where it is nested as Fireworks does."""

    name: str
    arguments: str | dict[str, Any] = "{}"  # Any: the arguments as JSON


class Item(Struct, frozen=True, omit_defaults=True):
    """A message, a call, its output, a thought, or the reference to one of these.

    Fields that only describe (`status`, `annotations`) are not read, so items of a response can be
    sent back as they came.
    """

    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[Part] | None = None
    id: str | None = None
    call_id: str | None = None
    tool_call_id: str | None = None
    name: str | None = None
    arguments: str | dict[str, Any] | None = None  # Any: the arguments as JSON
    function: CalledFunction | None = None
    output: str | list[Part] | None = None
    summary: list[Part] | None = None


class ToolParam(Struct, frozen=True, omit_defaults=True):
    """A tool; only functions are called here."""

    type: str
    name: ToolName | None = None
    description: str | None = None
    parameters: Schema | None = None
    strict: bool | None = None
    function: FunctionSpec | None = None


class ToolChoiceParam(Struct, frozen=True, omit_defaults=True):
    """A choice of one function, or of any."""

    type: str
    name: str | None = None
    function: NamedFunction | None = None


class TextFormat(Struct, frozen=True, omit_defaults=True):
    """The form that an answer's text must have."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: Schema | None = None
    strict: bool | None = None
    description: str | None = None


class TextOptions(Struct, frozen=True, omit_defaults=True):
    """How the text of an answer is formed."""

    format: TextFormat | None = None
    verbosity: str | None = None


class ReasoningOptions(Struct, frozen=True, omit_defaults=True):
    """How much the model thinks; summaries are accepted, thinking is always told as it is."""

    effort: Effort | None = None
    summary: str | None = None
    generate_summary: str | None = None


class ResponsesRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /responses."""

    model: Annotated[str, Meta(min_length=1, max_length=512)]
    input: str | Annotated[list[Item], Meta(max_length=16_384)]
    instructions: str | None = None
    previous_response_id: str | None = None
    max_output_tokens: AtLeastOne | None = None
    max_tool_calls: AtLeastOne | None = None
    metadata: Metadata | None = None
    parallel_tool_calls: bool | None = None
    reasoning: ReasoningOptions | None = None
    store: bool | None = None
    stream: bool | None = None
    temperature: Temperature | None = None
    top_p: Fraction | None = None
    text: TextOptions | None = None
    tool_choice: str | ToolChoiceParam | None = None
    tools: Annotated[list[ToolParam], Meta(max_length=MAX_TOOLS)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    user: str | None = None
    background: bool | None = None
    include: list[str] | None = None
    "Nothing of what it can name exists here; accepted, for clients that always send it."
    service_tier: str | None = None
    prompt_cache_key: Key | None = None
    safety_identifier: str | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    "Not of the original API: a seed makes an answer repeat."
