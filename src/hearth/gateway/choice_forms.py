"""What a choice looks like on the wire, whole or as a piece, for chat and for completions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from hearth.engines.protocol import Delta, More, PromptInfo, ToolCallDelta
from hearth.gateway.answers import CallText, ChoiceText, Shown
from hearth.gateway.inline_reasoning import inlined
from hearth.gateway.token_news import TextOffsets, content_logprobs, listed_logprobs

Json = dict[str, Any]  # Any: a JSON object


class Form(Struct, frozen=True, kw_only=True):
    """How one route's answers differ from the other's.

    A chunk with nothing but text is a fixed prefix, the encoded text and a fixed suffix: nothing is
    built per token. Whatever says more is built from `piece`.
    """

    kind: str
    chunk_kind: str
    introduction: bytes = b""
    "What a choice's first event holds, before any text."
    before_text: bytes
    after_text: bytes
    empty: bytes
    "What the event of a finish holds, up to the reason."
    piece: Callable[[Delta, Shown], Json]
    "The fields that say what a delta adds; empty where it adds nothing."
    choice: Callable[[ChoiceText, Shown], Json]
    "The fields of a whole choice."
    is_prompt_per_choice: bool
    "Prompts differ among choices, so their token ids stand there and not at the top."


def told_reason(reason: str | None, shown: Shown) -> str | None:
    """The finish reason in the words that the request's own form has."""
    return "function_call" if reason == "tool_calls" and shown.legacy_calls else reason


def logprobs_of(more: More | ChoiceText, shown: Shown, offsets: TextOffsets) -> Json:
    """The field `logprobs`, in the shape that was asked for."""
    shape = content_logprobs if shown.logprobs == "content" else listed_logprobs
    return shape(more.logprobs, offsets)


def token_fields(choice: ChoiceText, shown: Shown, prompt: PromptInfo | None) -> Json:
    """The fields of a whole choice that speak of tokens."""
    fields: Json = {}
    if shown.token_ids:
        fields["token_ids"] = choice.token_ids
    if shown.raw_output:
        fields["raw_output"] = raw_output(choice, prompt)
    return fields


def raw_output(choice: ChoiceText, prompt: PromptInfo | None) -> Json:
    """Prompt and completion as the model has them.

    `completion` is null where thinking or calls were split off and the bytes of the tokens, which
    come with log-probabilities, are not known.
    """
    completion: str | None = None
    logprobs = choice.logprobs[prompt.echoed_logprobs if prompt else 0 :]
    if logprobs:
        completion = b"".join(each.data for each in logprobs).decode(errors="replace")
    elif not (choice.reasoning_pieces or choice.tool_calls):
        completion = choice.text[prompt.echoed_characters if prompt else 0 :]
    fields: Json = {
        "prompt_fragments": [] if prompt is None or prompt.text is None else [prompt.text],
        "prompt_token_ids": (prompt.token_ids if prompt else None) or [],
        "completion": completion,
        "completion_token_ids": choice.token_ids,
    }
    if logprobs:
        fields["completion_logprobs"] = content_logprobs(logprobs, TextOffsets())
    return fields


def _chat_piece(delta: Delta, shown: Shown) -> Json:
    said: Json = {}
    more = delta.more
    if more is not None and more.reasoning:
        said["reasoning_content"] = more.reasoning
    if delta.text:
        said["content"] = delta.text
    if more is not None and more.tool_calls:
        if shown.legacy_calls:
            said["function_call"] = _legacy_piece(more.tool_calls)
        else:
            said["tool_calls"] = [_call_piece(each) for each in more.tool_calls]
    return {"delta": said} if said else {}


def _call_piece(piece: ToolCallDelta) -> Json:
    if piece.id or piece.name:
        function = {"name": piece.name, "arguments": piece.arguments}
        return {"index": piece.index, "id": piece.id, "type": "function", "function": function}
    return {"index": piece.index, "function": {"arguments": piece.arguments}}


def _legacy_piece(pieces: Sequence[ToolCallDelta]) -> Json:
    fields: Json = {"arguments": "".join(piece.arguments for piece in pieces)}
    name = "".join(piece.name for piece in pieces)
    return {"name": name} | fields if name else fields


def _chat_choice(choice: ChoiceText, shown: Shown) -> Json:
    text = inlined(choice) if shown.inline_reasoning else choice.text
    message: Json = {"role": "assistant", "content": text}
    if choice.reasoning_pieces and not shown.inline_reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["content"] = text or None
        if shown.legacy_calls:
            message["function_call"] = _function(choice.tool_calls[0])
        else:
            message["tool_calls"] = [_call(i, each) for i, each in enumerate(choice.tool_calls)]
    fields: Json = {"message": message}
    if shown.logprobs:
        fields["logprobs"] = logprobs_of(choice, shown, TextOffsets())
    return fields | {"finish_reason": told_reason(choice.finish_reason, shown)}


def _call(index: int, call: CallText) -> Json:
    return {"index": index, "id": call.id, "type": "function", "function": _function(call)}


def _function(call: CallText) -> Json:
    return {"name": call.name, "arguments": call.arguments}


def _completion_piece(delta: Delta, shown: Shown) -> Json:
    more = delta.more
    has_tokens = more is not None and bool(more.logprobs or more.token_ids)
    return {"text": delta.text} if delta.text or has_tokens else {}


def _completion_choice(choice: ChoiceText, shown: Shown) -> Json:
    logprobs = logprobs_of(choice, shown, TextOffsets()) if shown.logprobs else None
    return {"text": choice.text, "logprobs": logprobs, "finish_reason": choice.finish_reason}


CHAT = Form(
    kind="chat.completion",
    chunk_kind="chat.completion.chunk",
    introduction=b',"delta":{"role":"assistant"},"finish_reason":null}],"usage":null}\n\n',
    before_text=b',"delta":{"content":',
    after_text=b'},"finish_reason":null}],"usage":null}\n\n',
    empty=b',"delta":{},"finish_reason":',
    piece=_chat_piece,
    choice=_chat_choice,
    is_prompt_per_choice=False,
)
"Answers of POST /chat/completions."

COMPLETION = Form(
    kind="text_completion",
    chunk_kind="text_completion",
    before_text=b',"text":',
    after_text=b',"logprobs":null,"finish_reason":null}],"usage":null}\n\n',
    empty=b',"text":"","logprobs":null,"finish_reason":',
    piece=_completion_piece,
    choice=_completion_choice,
    is_prompt_per_choice=True,
)
"Answers of POST /completions."
