"""Tools, formats, reasoning and the like in the words of each kind of server.

Sources as in `kinds`. What a kind has no word for is refused by `check_reach`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from hearth.engines.protocol import (
    Constraint,
    GenerateRequest,
    Message,
    Reasoning,
    Tool,
    ToolUse,
)
from hearth.engines.remote.kinds import Kind

Json = dict[str, Any]  # Any: a JSON object


def message_entries(messages: Sequence[Message]) -> list[Message | Json]:
    """Messages as the chat API has them; those of text only are that already."""
    return [
        _entry(each) if each.tool_calls or each.reasoning or each.tool_call_id else each
        for each in messages
    ]


def _entry(message: Message) -> Json:
    entry: Json = {"role": message.role, "content": message.content}
    if message.name is not None:
        entry["name"] = message.name
    if message.reasoning:
        entry["reasoning_content"] = message.reasoning
    if message.tool_calls:
        entry["tool_calls"] = [
            {
                "id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]  # fmt: skip
        entry["content"] = message.content or None
    if message.tool_call_id is not None:
        entry["tool_call_id"] = message.tool_call_id
    return entry


def feature_fields(request: GenerateRequest, kind: Kind) -> Json:
    """The fields that ask for more than text; the request was checked."""
    fields: Json = {}
    if request.tool_use is not None:
        fields |= _tool_fields(request.tool_use)
    if request.constraint is not None:
        fields |= _constraint_fields(request.constraint, kind)
    if request.reasoning is not None:
        fields |= _reasoning_fields(request.reasoning, kind)
    if request.logprobs is not None:
        is_chat = request.messages is not None
        fields["logprobs"] = True if is_chat else request.logprobs
        if is_chat and request.logprobs:
            fields["top_logprobs"] = request.logprobs
    if request.stop_token_ids:
        fields["stop_token_ids"] = request.stop_token_ids
    if request.return_token_ids:
        fields["return_token_ids"] = True
    if request.safe_tokenization:
        fields["safe_tokenization"] = True
    return fields | _echo_fields(request) | _cache_fields(request, kind)


def _tool_fields(use: ToolUse) -> Json:
    fields: Json = {"tools": [_tool(tool) for tool in use.tools], "tool_choice": use.choice}
    if use.name is not None:
        fields["tool_choice"] = {"type": "function", "function": {"name": use.name}}
    if not use.parallel:
        fields["parallel_tool_calls"] = False
    return fields


def _tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name, "parameters": tool.parameters or _NO_ARGUMENTS}
    if tool.description:
        function["description"] = tool.description
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


_NO_ARGUMENTS: Json = {"type": "object", "properties": {}}


def _constraint_fields(constraint: Constraint, kind: Kind) -> Json:
    if constraint.kind == "json_object":
        return {"response_format": {"type": "json_object"}}
    if constraint.kind == "json_schema":
        schema = {"name": "answer", "schema": Raw(constraint.text.encode()), "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    if kind is Kind.VLLM:
        return {"structured_outputs": {constraint.kind: constraint.text}}
    if kind is Kind.SGLANG:
        name = "ebnf" if constraint.kind == "grammar" else "regex"
        return {name: constraint.text}
    return {"response_format": {"type": constraint.kind, constraint.kind: constraint.text}}


def _reasoning_fields(reasoning: Reasoning, kind: Kind) -> Json:
    is_on = reasoning.enabled is not False
    asks = reasoning.enabled is not None or reasoning.effort is not None
    if kind is Kind.HEARTH:
        effort: object = reasoning.budget_tokens or reasoning.effort or "medium"
        fields: Json = {"reasoning_effort": effort if is_on else "none"}
        if not (asks or reasoning.budget_tokens):
            fields = {"reasoning_effort": "adaptive"}
        return fields | ({"reasoning_history": reasoning.history} if reasoning.history else {})
    if not asks:
        return {}
    if kind is Kind.OPENAI:
        return {"reasoning_effort": (reasoning.effort or "medium") if is_on else "none"}
    # The two names that chat templates have for it; gpt-oss reads the effort instead.
    fields = {"chat_template_kwargs": {"enable_thinking": is_on, "thinking": is_on}}
    return fields | ({"reasoning_effort": reasoning.effort} if reasoning.effort else {})


def _echo_fields(request: GenerateRequest) -> Json:
    if request.echo_tokens is None:
        return {}
    return {"echo": True} if request.echo_tokens < 0 else {"echo_last": request.echo_tokens}


def _cache_fields(request: GenerateRequest, kind: Kind) -> Json:
    """Keep what accounts have cached apart, where the server can."""
    fields: Json = {}
    if kind is Kind.HEARTH:
        if request.cache_group:
            fields["prompt_cache_isolation_key"] = request.cache_group
        if not request.use_cache:
            fields["prompt_cache_max_len"] = 0
    elif kind is Kind.VLLM and request.cache_group:
        fields["cache_salt"] = request.cache_group
    return fields
