"""What a worker is asked for a response: the same as for a chat completion."""

from __future__ import annotations

import random

import msgspec

from hearth.engines.protocol import (
    Constraint,
    GenerateRequest,
    Message,
    Reasoning,
    Sampling,
    ToolUse,
)
from hearth.errors import InvalidRequest
from hearth.gateway.responses.types import (
    ReasoningOptions,
    ResponsesRequest,
    TextFormat,
    ToolChoiceParam,
    ToolParam,
)
from hearth.gateway.thinking import EFFORTS
from hearth.gateway.tool_types import FunctionSpec
from hearth.gateway.tool_use import WORDS, Wanted, make_tool_use

_SEED_BITS = 31  # every engine takes seeds of this size
_WHOLE_WINDOW = 2**31 - 1


def check_supported(body: ResponsesRequest) -> None:
    """Refuse what would otherwise be silently left out.

    Raises:
        InvalidRequest: with the field at fault.
    """
    if body.max_tool_calls is not None:
        raise InvalidRequest(
            "'max_tool_calls' bounds tools that the server runs, and none are run here; "
            "leave it out.",
            param="max_tool_calls",
        )
    if body.background:
        raise InvalidRequest(
            "'background' is not supported; send false, and stream if it takes long.",
            param="background",
        )


def generate_request(
    body: ResponsesRequest, messages: list[Message], *, group: str, may_emulate: bool
) -> GenerateRequest:
    """The worker's request for a conversation.

    Args:
        messages: without the instructions.
        group: who shares cached prefixes; see `build.cache_group`.
        may_emulate: a model without a template for reasoning may think in a phase of its own.

    Raises:
        InvalidRequest: a field asks for what is not supported.
    """
    check_supported(body)
    if body.instructions:
        messages = [Message("system", body.instructions), *messages]
    if not messages:
        raise InvalidRequest("'input' must not be empty.", param="input")
    return GenerateRequest(
        messages=messages,
        sampling=Sampling(temperature=body.temperature, top_p=body.top_p),
        seed=random.getrandbits(_SEED_BITS) if body.seed is None else body.seed,
        max_tokens=body.max_output_tokens,
        prompt_truncate_tokens=_WHOLE_WINDOW if body.truncation == "auto" else None,
        tool_use=_tool_use(body),
        constraint=_constraint(body.text.format if body.text else None),
        reasoning=_reasoning(body.reasoning, may_emulate=may_emulate),
        cache_group=group,
    )


def _tool_use(body: ResponsesRequest) -> ToolUse | None:
    wanted = _wanted(body.tool_choice)
    if not body.tools:
        if wanted.choice == "required":
            raise InvalidRequest("'tool_choice' needs 'tools'.", param="tool_choice")
        return None
    specs = [_function(tool, f"tools[{i}]") for i, tool in enumerate(body.tools)]
    return make_tool_use(
        specs, "tools[{}].name", wanted, parallel=body.parallel_tool_calls is not False
    )


def _wanted(choice: str | ToolChoiceParam | None) -> Wanted:
    if isinstance(choice, ToolChoiceParam):
        if choice.type != "function":
            raise InvalidRequest(
                f"'tool_choice' of type {choice.type[:40]!r} is not supported; name a function.",
                param="tool_choice.type",
            )
        name = choice.function.name if choice.function else choice.name
        return Wanted("required", name, "tool_choice.name")
    if choice is not None and choice not in WORDS:
        raise InvalidRequest(
            "'tool_choice' must be auto, none, any, required or an object that names a function.",
            param="tool_choice",
        )
    return Wanted(WORDS[choice or "auto"])


def _function(tool: ToolParam, place: str) -> FunctionSpec:
    if tool.type != "function":
        raise InvalidRequest(
            f"Tools of type {tool.type[:40]!r} are not supported: no tool is run here. "
            "Send functions and run them yourself.",
            param=f"{place}.type",
        )
    if tool.function is not None:
        return tool.function
    if tool.name is None:
        raise InvalidRequest(f"'{place}.name' is required.", param=f"{place}.name")
    return FunctionSpec(tool.name, tool.description, tool.parameters, tool.strict)


def _constraint(form: TextFormat | None) -> Constraint | None:
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return Constraint("json_object", param="text.format")
    if form.schema is None:
        raise InvalidRequest("'text.format.schema' is required.", param="text.format.schema")
    schema = msgspec.json.encode(form.schema).decode()
    return Constraint("json_schema", schema, param="text.format.schema")


def _reasoning(options: ReasoningOptions | None, *, may_emulate: bool) -> Reasoning | None:
    if options is None or options.effort is None:
        return None
    if options.effort == "none":
        return Reasoning(enabled=False)
    return Reasoning(enabled=True, effort=EFFORTS[options.effort], may_emulate=may_emulate)
