"""What a response makes of deltas: calls, thinking, failures, and a store that is away."""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec

from hearth.engines.protocol import Delta, FinishReason, More, PromptInfo, ToolCallDelta, Usage
from hearth.errors import EngineFailed
from hearth.gateway.answers import AnswerHead, ChoiceText, Ending
from hearth.gateway.responses.answer import Keeping, ResponseAnswer
from hearth.gateway.responses.archive import NewResponse
from hearth.gateway.responses.types import Item, ResponsesRequest

HEAD = AnswerHead(
    request_id="00000000-0000-4000-8000-0000000000ab", created=1, model="m", fingerprint=None
)
MARK = "000000000000400080000000000000ab"
ENDING = Ending(Usage(10, 2, 7, 0.0, 0.0, 0.0, reasoning_tokens=3), None)

Json = dict[str, Any]
Deltas = list[tuple[str, More | None]]

CALLS: Deltas = [
    ("Let me see.", None),
    ("", More(tool_calls=[ToolCallDelta(0, "call_1", "weather", "")])),
    ("", More(tool_calls=[ToolCallDelta(0, "", "", '{"city":')])),
    ("", More(tool_calls=[ToolCallDelta(0, "", "", '"Ulm"}')])),
    ("", More(tool_calls=[ToolCallDelta(1, "call_2", "clock", "{}")])),
]
THOUGHTS: Deltas = [("", More(reasoning="Hm, ")), ("", More(reasoning="well.")), ("Yes.", None)]


def answer_to(keeping: Keeping | None = None, **fields: Any) -> ResponseAnswer:
    body = msgspec.convert({"model": "m", "input": "Hello?"} | fields, type=ResponsesRequest)
    return ResponseAnswer(HEAD, body, keeping)


def deltas_of(pieces: Deltas, reason: FinishReason) -> list[Delta]:
    deltas = [Delta(1, 0, text, 1, more=more) for text, more in pieces]
    deltas[0].prompt = PromptInfo(10, 2)
    return [*deltas, Delta(1, 0, "", 0, reason)]


def parsed(frames: bytes) -> list[Json]:
    return [json.loads(frame.split("data: ")[1]) for frame in frames.decode().split("\n\n")[:-1]]


def streamed(answer: ResponseAnswer, pieces: Deltas, reason: FinishReason = "stop") -> list[Json]:
    *deltas, last = deltas_of(pieces, reason)
    frames = b"".join(answer.events(delta) for delta in deltas)
    return parsed(frames + answer.last_events(last, ENDING))


def whole(answer: ResponseAnswer, pieces: Deltas, reason: FinishReason = "stop") -> Json:
    choice = ChoiceText()
    for delta in deltas_of(pieces, reason):
        choice.take(delta)
    return cast(Json, json.loads(answer.whole([choice], ENDING)))


def test_calls_are_items_with_the_names_of_both_apis() -> None:
    final = whole(answer_to(), CALLS, "tool_calls")

    message, weather, clock = final["output"]
    assert message["content"][0]["text"] == "Let me see."
    assert weather == {
        "id": f"fc_{MARK}_1", "type": "function_call", "status": "completed", "call_id": "call_1",
        "name": "weather", "arguments": '{"city":"Ulm"}',
        "function": {"name": "weather", "arguments": '{"city":"Ulm"}'},
    }  # fmt: skip
    assert (clock["call_id"], clock["arguments"]) == ("call_2", "{}")
    assert final["status"] == "completed"


def test_streamed_calls_open_grow_and_close_one_after_the_other() -> None:
    events = streamed(answer_to(), CALLS, "tool_calls")

    told = [(e["type"].removeprefix("response."), e["output_index"]) for e in events[8:-1]]
    assert told == [
        ("output_item.added", 1),
        ("function_call_arguments.delta", 1),
        ("function_call_arguments.delta", 1),
        ("function_call_arguments.done", 1),
        ("output_item.done", 1),
        ("output_item.added", 2),
        ("function_call_arguments.delta", 2),
        ("function_call_arguments.done", 2),
        ("output_item.done", 2),
    ]
    assert events[-1]["response"]["output"] == whole(answer_to(), CALLS, "tool_calls")["output"]


def test_thinking_is_an_item_for_who_asks_for_reasoning() -> None:
    final = whole(answer_to(reasoning={"effort": "low"}), THOUGHTS)

    thought, message = final["output"]
    assert (thought["type"], thought["id"]) == ("reasoning", f"rs_{MARK}_0")
    assert thought["content"] == [{"type": "reasoning_text", "text": "Hm, well."}]
    assert message["content"][0]["text"] == "Yes."
    assert final["usage"]["output_tokens_details"] == {"reasoning_tokens": 3}


def test_thinking_is_streamed_as_reasoning_text() -> None:
    events = streamed(answer_to(reasoning={"effort": "low"}), THOUGHTS)

    deltas = [e["delta"] for e in events if e["type"] == "response.reasoning_text.delta"]
    assert deltas == ["Hm, ", "well."]
    again = whole(answer_to(reasoning={"effort": "low"}), THOUGHTS)
    assert events[-1]["response"] == again


def test_thinking_stands_in_the_text_for_all_others() -> None:
    final = whole(answer_to(), THOUGHTS)
    events = streamed(answer_to(), THOUGHTS)

    (message,) = final["output"]
    assert message["content"][0]["text"] == "<think>Hm, well.</think>Yes."
    assert events[-1]["response"] == final


def test_json_that_was_asked_for_is_never_mixed_with_thinking() -> None:
    final = whole(answer_to(text={"format": {"type": "json_object"}}), THOUGHTS)

    assert final["output"][-1]["content"][0]["text"] == "Yes."


def test_an_answer_of_nothing_still_has_a_message() -> None:
    final = whole(answer_to(), [("", None)])

    assert final["output"][0]["content"][0]["text"] == ""
    assert streamed(answer_to(), [("", None)])[-1]["response"] == final


def test_a_failure_midway_is_told_as_documented_and_then_raised_by_sdks() -> None:
    answer = answer_to()
    begun = parsed(answer.events(deltas_of(CALLS, "stop")[0]))

    failed, error = parsed(answer.failure(EngineFailed("It broke.")))

    assert failed["type"] == "response.failed"
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"]["message"] == "It broke."
    assert error["type"] == "error"
    assert error["error"]["message"] == "It broke."
    numbers = [event["sequence_number"] for event in [*begun, failed, error]]
    assert numbers == list(range(len(numbers)))


class Away:
    """A keeper whose database takes nothing."""

    async def keep(self, new: NewResponse) -> bool:
        return False


def keeping() -> Keeping:
    return Keeping(keeper=Away(), account_id="acme", input=[Item(role="user", content="Hello?")])


async def test_an_answer_that_could_not_be_kept_says_so() -> None:
    answer = answer_to(keeping())
    choice = ChoiceText()
    for delta in deltas_of(CALLS, "stop"):
        choice.take(delta)
    rest = answer.whole([choice], ENDING)

    told = json.loads(await answer.keep(rest))

    assert (told["id"], told["store"]) == (None, False)
    assert told["output"] == json.loads(rest)["output"]


async def test_a_stream_that_could_not_be_kept_says_so_in_its_last_event() -> None:
    answer = answer_to(keeping())
    *deltas, last = deltas_of(CALLS, "stop")
    begun = parsed(b"".join(answer.events(delta) for delta in deltas))
    rest = answer.last_events(last, ENDING)

    told = parsed(await answer.keep(rest))

    assert begun[0]["response"]["store"] is True
    assert (told[-1]["response"]["id"], told[-1]["response"]["store"]) == (None, False)
    assert told[:-1] == parsed(rest)[:-1]
    assert told[-1]["sequence_number"] == parsed(rest)[-1]["sequence_number"]
