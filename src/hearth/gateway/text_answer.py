"""Answers of chat and completions: stream chunks by splicing, whole bodies by encoding."""

from __future__ import annotations

from typing import Any

import msgspec

from hearth.engines.protocol import Delta, PromptInfo
from hearth.errors import ApiError
from hearth.gateway.answers import AnswerHead, ChoiceText, Ending, Shown
from hearth.gateway.choice_forms import Form, logprobs_of, raw_output, token_fields, told_reason
from hearth.gateway.error_shapes import error_object
from hearth.gateway.inline_reasoning import InlineThinking
from hearth.gateway.token_news import TextOffsets

PLAIN = Shown()
_DONE = b"data: [DONE]\n\n"
_TEXT_ONLY = ("", False, False, False)

_encode = msgspec.json.Encoder().encode

Json = dict[str, Any]  # Any: a JSON object


class _Told:
    """What the events of one choice have told so far, where a request asks for more than text."""

    __slots__ = ("offsets", "taken", "thinking")

    def __init__(self) -> None:
        self.offsets = TextOffsets()
        self.thinking = InlineThinking()
        self.taken = ChoiceText()
        "Kept for `raw_output` only."


class TextAnswer:
    """Implements `Answer` for the routes that write text.

    Args:
        head: what every chunk repeats.
        form: the route's.
        shown: what the request asked for besides text.
    """

    def __init__(self, head: AnswerHead, form: Form, shown: Shown = PLAIN) -> None:
        self._head = head
        self._form = form
        self._shown = shown
        self._openings: dict[int, bytes] = {}
        self._told: dict[int, _Told] = {}
        self._prompts: dict[int, PromptInfo] = {}
        self._is_plain = (
            shown.logprobs, shown.token_ids, shown.raw_output, shown.inline_reasoning
        ) == _TEXT_ONLY  # fmt: skip

    def events(self, delta: Delta) -> bytes:
        """See `Answer.events`."""
        if delta.finish_reason is None:
            return self._event(delta)
        return self._event(delta) + self._finish_event(delta, b',"usage":null}\n\n')

    def last_events(self, delta: Delta, ending: Ending) -> bytes:
        """See `Answer.last_events`."""
        closing = b"," + _encode(ending.fields())[1:] + b"\n\n"
        return self._event(delta) + self._finish_event(delta, closing) + _DONE

    def failure(self, error: ApiError) -> bytes:
        """See `Answer.failure`; empty `choices` make clients that ignore `error` fail loudly."""
        opening = self._head.opening(self._form.chunk_kind)
        return (
            b"data: " + _encode(opening | {"choices": [], "error": error_object(error)}) + b"\n\n"
        )

    def whole(self, choices: list[ChoiceText], ending: Ending) -> bytes:
        """See `Answer.whole`."""
        form, shown = self._form, self._shown
        for i, choice in enumerate(choices):
            if choice.prompt is not None:
                self._prompts[i // shown.choices_per_prompt] = choice.prompt
        body = self._head.opening(form.kind)
        body["choices"] = [self._choice(i, choice) for i, choice in enumerate(choices)]
        if shown.token_ids and not form.is_prompt_per_choice:
            body["prompt_token_ids"] = self._prompt_ids(0)
        return _encode(body | ending.fields())

    def _choice(self, index: int, choice: ChoiceText) -> Json:
        form, shown = self._form, self._shown
        fields: Json = {"index": index} | form.choice(choice, shown)
        if self._is_plain:
            return fields
        if shown.token_ids and form.is_prompt_per_choice:
            fields["prompt_token_ids"] = self._prompt_ids(index)
        return fields | token_fields(choice, shown, self._prompt_of(index))

    def _event(self, delta: Delta) -> bytes:
        opening, introduction = self._openings.get(delta.choice), b""
        if opening is None:
            opening = self._opening(delta.choice)
            introduction = self._form.introduction and opening + self._form.introduction
        if delta.more is not None or not self._is_plain:
            return introduction + self._full_event(delta, opening)
        if not delta.text:
            return introduction
        form = self._form
        text = _encode(delta.text)
        return b"".join((introduction, opening, form.before_text, text, form.after_text))

    def _opening(self, choice: int) -> bytes:
        """What every event of a choice begins with."""
        opening = self._openings.get(choice)
        if opening is None:
            head = _encode(self._head.opening(self._form.chunk_kind))[:-1]
            opening = b'data: %b,"choices":[{"index":%d' % (head, choice)
            self._openings[choice] = opening
        return opening

    def _full_event(self, delta: Delta, opening: bytes) -> bytes:
        """The event of a delta that says, or was asked to say, more than text."""
        told, shown = self._told.setdefault(delta.choice, _Told()), self._shown
        if shown.raw_output:
            told.taken.take(delta)
        if shown.inline_reasoning:
            told.thinking.fold(delta)
        fields = self._form.piece(delta, shown)
        if delta.more is not None and (fields or delta.more.token_ids or delta.more.logprobs):
            fields = fields or {"delta": {}}
            if shown.logprobs:
                fields["logprobs"] = logprobs_of(delta.more, shown, told.offsets)
            if shown.token_ids:
                fields["token_ids"] = delta.more.token_ids
        closing = self._tell_prompt(delta, fields)
        if not fields:
            return b""
        fields["finish_reason"] = None
        return b"".join((opening, b",", _encode(fields)[1:], b'],"usage":null', closing))

    def _tell_prompt(self, delta: Delta, fields: Json) -> bytes:
        """Note what is known of the prompt; return what closes the event that tells it."""
        if delta.prompt is None:
            return b"}\n\n"
        self._prompts[delta.choice // self._shown.choices_per_prompt] = delta.prompt
        if not self._shown.token_ids:
            return b"}\n\n"
        if self._form.is_prompt_per_choice:
            fields.setdefault("text", "")
            fields["prompt_token_ids"] = delta.prompt.token_ids
            return b"}\n\n"
        fields.setdefault("delta", {})
        return b',"prompt_token_ids":%b}\n\n' % _encode(delta.prompt.token_ids)

    def _finish_event(self, delta: Delta, closing: bytes) -> bytes:
        reason = _encode(told_reason(delta.finish_reason or "stop", self._shown))
        raw = b""
        if self._shown.raw_output:
            taken = self._told.setdefault(delta.choice, _Told()).taken
            raw = b',"raw_output":' + _encode(raw_output(taken, self._prompt_of(delta.choice)))
        opening = self._opening(delta.choice)
        return b"".join((opening, self._form.empty, reason, raw, b"}]", closing))

    def _prompt_of(self, choice: int) -> PromptInfo | None:
        return self._prompts.get(choice // self._shown.choices_per_prompt)

    def _prompt_ids(self, choice: int) -> list[int]:
        prompt = self._prompt_of(choice)
        return (prompt.token_ids if prompt else None) or []
