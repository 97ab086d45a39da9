"""What a worker is asked for a message: the same as for a chat completion."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from hearth.engines.protocol import Constraint, GenerateRequest, Reasoning, Sampling, ToolUse
from hearth.errors import InvalidRequest
from hearth.gateway.messages.turns import messages_of
from hearth.gateway.messages.types import MessagesRequest, ToolChoice, ToolParam
from hearth.gateway.thinking import EFFORTS, reasoning_of_thinking
from hearth.gateway.tool_types import FunctionSpec
from hearth.gateway.tool_use import WORDS, Wanted, make_tool_use

_SEED_BITS = 31  # every engine takes seeds of this size


def generate_request(body: MessagesRequest, *, group: str, may_emulate: bool) -> GenerateRequest:
    """The worker's request for a message.

    Args:
        group: who shares cached prefixes; see `build.cache_group`.
        may_emulate: a model without a template for reasoning may think in a phase of its own.

    Raises:
        InvalidRequest: a field asks for what is not supported.
    """
    return GenerateRequest(
        messages=messages_of(body.system, body.messages),
        sampling=Sampling(temperature=body.temperature, top_p=body.top_p, top_k=body.top_k),
        seed=random.getrandbits(_SEED_BITS) if body.seed is None else body.seed,
        max_tokens=body.max_tokens,
        stop=body.stop_sequences or [],
        tool_use=_tool_use(body.tools or [], body.tool_choice),
        constraint=_constraint(body),
        reasoning=_reasoning(body, may_emulate=may_emulate),
        cache_group=group,
    )


def _tool_use(tools: Sequence[ToolParam], choice: ToolChoice | None) -> ToolUse | None:
    wanted = _wanted(choice)
    if not tools:
        if wanted.choice == "required":
            raise InvalidRequest("'tool_choice' needs 'tools'.", param="tool_choice")
        return None
    specs = [_function(tool, f"tools[{i}]") for i, tool in enumerate(tools)]
    parallel = choice is None or not choice.disable_parallel_tool_use
    return make_tool_use(specs, "tools[{}].name", wanted, parallel=parallel)


def _wanted(choice: ToolChoice | None) -> Wanted:
    if choice is None:
        return Wanted()
    if choice.type != "tool":
        return Wanted(WORDS[choice.type])
    if choice.name is None:
        raise InvalidRequest("'tool_choice.name' is required.", param="tool_choice.name")
    return Wanted("required", choice.name, "tool_choice.name")


def _function(tool: ToolParam, place: str) -> FunctionSpec:
    if tool.type not in (None, "custom"):
        raise InvalidRequest(
            f"Tools of type {str(tool.type)[:40]!r} are not supported: no tool is run here. "
            "Send functions with an 'input_schema'.",
            param=f"{place}.type",
        )
    if tool.name is None:
        raise InvalidRequest(f"'{place}.name' is required.", param=f"{place}.name")
    if tool.input_schema is None:
        raise InvalidRequest(f"'{place}.input_schema' is required.", param=f"{place}.input_schema")
    return FunctionSpec(tool.name, tool.description, tool.input_schema, tool.strict)


def _constraint(body: MessagesRequest) -> Constraint | None:
    form = body.output_config.format if body.output_config else None
    if form is None:
        return None
    schema = msgspec.json.encode(form.schema).decode()
    return Constraint("json_schema", schema, param="output_config.format.schema")


def _reasoning(body: MessagesRequest, *, may_emulate: bool) -> Reasoning | None:
    thinking = body.thinking
    asked = body.output_config.effort if body.output_config else None
    effort = None if asked is None else EFFORTS[asked]
    if thinking is None:
        return None if effort is None else Reasoning(effort=effort)
    budget = thinking.budget_tokens
    if thinking.type == "enabled" and budget is None:
        raise InvalidRequest(
            "'thinking.budget_tokens' is required.", param="thinking.budget_tokens"
        )
    if budget is not None and body.max_tokens is not None and budget >= body.max_tokens:
        raise InvalidRequest(
            "'max_tokens' must be greater than 'thinking.budget_tokens', which is part of it.",
            param="max_tokens",
        )
    reasoning = reasoning_of_thinking(thinking, may_emulate=may_emulate)
    return reasoning if thinking.type == "disabled" else replace(reasoning, effort=effort)
