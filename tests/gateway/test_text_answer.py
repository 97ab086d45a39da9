"""The form of chat answers with calls and thinking: streamed pieces add up to the whole."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.protocol import Delta, More, PromptInfo, ToolCallDelta, Usage
from hearth.gateway.answers import AnswerHead, ChoiceText, Ending, Shown
from hearth.gateway.choice_forms import CHAT
from hearth.gateway.text_answer import TextAnswer

Json = dict[str, Any]  # Any: a JSON object

ENDING = Ending(Usage(3, 0, 9, 0.0, 0.0, 0.0, 2), None)
ARGUMENTS = '{"city":"Zürich 火"}'


def answer(shown: Shown) -> TextAnswer:
    head = AnswerHead(request_id="r", created=1, model="m", fingerprint=None)
    return TextAnswer(head, CHAT, shown)


def deltas(pieces: list[More | str]) -> list[Delta]:
    """One delta a piece, then one that ends the answer."""
    told = [
        Delta(1, 0, piece if isinstance(piece, str) else "", 1,
              more=None if isinstance(piece, str) else piece)
        for piece in pieces
    ]  # fmt: skip
    told[0].prompt = PromptInfo(3, 0)
    return [*told, Delta(1, 0, "", 0, "tool_calls", usage=ENDING.usage)]


def whole(told: list[Delta], shown: Shown) -> Json:
    choice = ChoiceText()
    for delta in told:
        choice.take(delta)
    body: Json = json.loads(answer(shown).whole([choice], ENDING))
    return body


def events(told: list[Delta], shown: Shown) -> list[Json]:
    form = answer(shown)
    sent = b"".join(form.events(delta) for delta in told[:-1]) + form.last_events(told[-1], ENDING)
    lines = sent.decode().removesuffix("data: [DONE]\n\n").split("\n\n")[:-1]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def joined(sent: list[Json]) -> Json:
    """The message that a client puts together."""
    message: Json = {"role": "assistant", "content": None}
    calls: dict[int, Json] = {}
    for delta in (event["choices"][0]["delta"] for event in sent):
        for name in ("content", "reasoning_content"):
            if name in delta:
                message[name] = (message.get(name) or "") + delta[name]
        for piece in delta.get("tool_calls", ()):
            call = calls.setdefault(piece["index"], piece | {"function": {"arguments": ""}})
            call["function"] = piece["function"] | {
                "name": call["function"].get("name") or piece["function"]["name"],
                "arguments": call["function"]["arguments"] + piece["function"]["arguments"],
            }
    return message | {"tool_calls": [calls[index] for index in sorted(calls)]}


def cut(text: str, places: list[int]) -> list[str]:
    ends = [*sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(st.lists(st.integers(0, 99), max_size=5), st.lists(st.integers(0, 99), max_size=5))
def test_however_it_is_cut_the_stream_adds_up_to_the_whole(
    argument_cuts: list[int], thought_cuts: list[int]
) -> None:
    pieces: list[More | str] = [
        *(More(reasoning=each) for each in cut("They ask of the weather.", thought_cuts)),
        "Let me look.",
    ]
    for index in range(2):
        first = ToolCallDelta(index, f"call_{index}", "weather", "")
        rest = [ToolCallDelta(index, "", "", each) for each in cut(ARGUMENTS, argument_cuts)]
        pieces += [More(tool_calls=[first, *rest[:1]]), *(More(tool_calls=[e]) for e in rest[1:])]

    expected = whole(deltas(pieces), Shown())
    sent = events(deltas(pieces), Shown())

    assert joined(sent) == expected["choices"][0]["message"]
    assert sent[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert sent[-1]["usage"] == expected["usage"]
    assert expected["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}


def test_id_type_and_name_come_first_and_once() -> None:
    pieces: list[More | str] = [
        More(tool_calls=[ToolCallDelta(0, "call_0", "weather", "")]),
        More(tool_calls=[ToolCallDelta(0, "", "", "{}")]),
    ]

    sent = events(deltas(pieces), Shown())

    calls = [c for e in sent for c in e["choices"][0]["delta"].get("tool_calls", ())]
    assert calls == [
        {"index": 0, "id": "call_0", "type": "function",
         "function": {"name": "weather", "arguments": ""}},
        {"index": 0, "function": {"arguments": "{}"}},
    ]  # fmt: skip


def test_content_is_null_beside_calls() -> None:
    call = More(tool_calls=[ToolCallDelta(0, "call_0", "weather", "{}")])

    message = whole(deltas([call]), Shown())["choices"][0]["message"]

    assert message["content"] is None
    assert message["tool_calls"][0]["function"] == {"name": "weather", "arguments": "{}"}


def test_the_old_form_has_function_call() -> None:
    shown = Shown(legacy_calls=True)
    call = More(tool_calls=[ToolCallDelta(0, "call_0", "weather", '{"a":')])
    pieces: list[More | str] = [call, More(tool_calls=[ToolCallDelta(0, "", "", "1}")])]

    choice = whole(deltas(pieces), shown)["choices"][0]
    sent = events(deltas(pieces), shown)

    assert choice["message"]["function_call"] == {"name": "weather", "arguments": '{"a":1}'}
    assert choice["finish_reason"] == sent[-1]["choices"][0]["finish_reason"] == "function_call"
    told = [e["choices"][0]["delta"].get("function_call") for e in sent]
    assert [each for each in told if each] == [
        {"name": "weather", "arguments": '{"a":'}, {"arguments": "1}"},
    ]  # fmt: skip


def test_thinking_that_was_cut_short_stays_open_inline() -> None:
    shown = Shown(inline_reasoning=True)
    told = [Delta(1, 0, "", 1, more=More(reasoning="They")), Delta(1, 0, "", 1, "length")]

    sent = events([told[0], Delta(1, 0, "", 1, "length")], shown)

    text = "".join(event["choices"][0]["delta"].get("content", "") for event in sent)
    assert text == whole(told, shown)["choices"][0]["message"]["content"] == "<think>They"
