"""Tools for models whose chat template has no place for them: told and answered in plain text."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec.structs import replace

from hearth.engines.llm.tools import deepseek, hermes, mistral, tagged
from hearth.engines.llm.tools.family import CallFormat, ToolFamily
from hearth.engines.llm.tools.forcing import makes_list
from hearth.engines.llm.tools.history import one_call_a_turn, with_short_ids
from hearth.engines.protocol import Message, Tool, ToolCall, ToolUse

_CALL = '{"name": "<function>", "arguments": {<arguments>}}'
_EXAMPLES = {
    CallFormat.HERMES: f"{hermes.OPEN}{_CALL}{hermes.CLOSE}",
    CallFormat.LLAMA: _CALL.replace("arguments", "parameters", 1),
    CallFormat.MISTRAL: f"{mistral.OPEN}[{_CALL}]",
    CallFormat.DEEPSEEK: deepseek.EXAMPLE,
    CallFormat.TAGGED: tagged.EXAMPLE,
    CallFormat.JSON: _CALL,
}


def with_tools_in_text(
    messages: Sequence[Message], tool_use: ToolUse | None, family: ToolFamily
) -> list[Message]:
    """Return the messages as the model's template can render them.

    What the template does not render itself is told in text: the functions go into the system
    message, earlier calls into the assistant's text, and their results into turns of the user,
    for templates of this kind know no other role.
    """
    told = _fitted(messages, family.format) if family.renders_history else _as_text(messages)
    if family.renders_tools or tool_use is None or tool_use.choice == "none":
        return told
    return _with_system(told, _prompt(tool_use, _EXAMPLES[family.format]))


def _fitted(messages: Sequence[Message], form: CallFormat) -> list[Message]:
    if form is CallFormat.MISTRAL:
        return with_short_ids(messages)
    if form is CallFormat.LLAMA:
        return one_call_a_turn(messages)
    return list(messages)


def _as_text(messages: Sequence[Message]) -> list[Message]:
    told: list[Message] = []
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    after_result = False
    for message in messages:
        is_result = message.role == "tool"
        if is_result:
            name = message.name or names.get(message.tool_call_id or "") or "the call"
            _add_to_user(told, f"Result of {name}: {message.content}")
        elif message.role == "user" and after_result:
            _add_to_user(told, message.content)
        elif message.tool_calls:
            told.append(_with_calls_as_text(message))
        else:
            told.append(message)
        after_result = is_result
    return told


def _prompt(tool_use: ToolUse, example: str) -> str:
    """What a small model can follow: the list, the form, and when."""
    tools = [each for each in tool_use.tools if tool_use.name in (None, each.name)]
    lines = ["You can call these functions:", *map(_line, tools), ""]
    if tool_use.choice == "auto":
        lines += [
            "If one of them helps, answer with the call alone, in this form:",
            example,
            "The user then tells you the result. If none helps, answer in plain words.",
        ]
        if tool_use.parallel:
            lines.insert(-1, "For several calls, write each on a line of its own.")
    elif makes_list(tool_use):
        lines += ["Answer with one or more calls, as a JSON list in this form:", f"[{_CALL}]"]
    else:
        lines += ["Answer with one call, as JSON in this form:", _CALL]
    return "\n".join(lines)


def _line(tool: Tool) -> str:
    entry: dict[str, object] = {"name": tool.name}
    if tool.description:
        entry["description"] = tool.description
    if tool.parameters:
        entry["parameters"] = tool.parameters
    return json.dumps(entry, ensure_ascii=False)


def _with_calls_as_text(message: Message) -> Message:
    calls = "\n".join(map(_call_text, message.tool_calls))
    content = f"{message.content}\n{calls}" if message.content else calls
    return replace(message, content=content, tool_calls=[])


def _call_text(call: ToolCall) -> str:
    arguments = call.arguments.strip() or "{}"
    return f'{{"name": {json.dumps(call.name, ensure_ascii=False)}, "arguments": {arguments}}}'


def _add_to_user(told: list[Message], text: str) -> None:
    """Add to the user's turn, for many templates want turns to alternate."""
    if told and told[-1].role == "user":
        told[-1] = replace(told[-1], content=f"{told[-1].content}\n{text}")
    else:
        told.append(Message(role="user", content=text))


def _with_system(messages: list[Message], prompt: str) -> list[Message]:
    if messages and messages[0].role == "system":
        first = messages[0]
        content = f"{first.content}\n\n{prompt}" if first.content else prompt
        return [replace(first, content=content), *messages[1:]]
    return [Message(role="system", content=prompt), *messages]
