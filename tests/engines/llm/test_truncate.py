"""Making a prompt fit: which messages go, and the rule of the window."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.engine import Failed
from hearth.engines.llm.truncate import (
    Prompting,
    completion_budget,
    truncated_prompt,
    whole_prompt,
)
from hearth.engines.protocol import ContextOverflow, Failure, Message

ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
MESSAGES = st.lists(st.builds(Message, ROLES, st.text("xyz ", max_size=9)), min_size=1, max_size=12)


def render(messages: Sequence[Message]) -> str:
    return "".join(f"<{message.role}>{message.content}" for message in messages)


def alternating(messages: Sequence[Message]) -> str:
    """A template like those that insist on a user message first."""
    roles = [message.role for message in messages if message.role != "system"]
    if roles[:1] != ["user"]:
        raise Failed(Failure(kind="invalid", message="must start with user"))
    return render(messages)


def run(prompting: Prompting) -> tuple[str, int]:
    """Tokenise a character a token; the text of the prompt, and how often was asked."""
    asked, piece = 0, next(prompting)
    while True:
        asked += 1
        try:
            piece = prompting.send([ord(character) for character in piece.text])
        except StopIteration as ready:
            return "".join(map(chr, ready.value.ids)), asked


@given(MESSAGES, st.integers(0, 120))
def test_as_few_old_messages_go_as_needed(messages: list[Message], limit: int) -> None:
    got, asked = run(truncated_prompt(messages, render, limit))

    users = [place for place, m in enumerate(messages) if m.role == "user"]
    end = users[-1] if users else len(messages) - 1
    droppable = [place for place in range(end) if messages[place].role != "system"]
    candidates = []
    for count in range(len(droppable) + 1):
        gone = droppable[:count]
        candidates.append(render([m for place, m in enumerate(messages) if place not in gone]))
    fitting = [text for text in candidates if len(text) <= limit]
    assert got == (fitting[0] if fitting else candidates[-1])
    assert asked <= 2 + len(droppable).bit_length()


def test_a_cut_that_the_template_refuses_is_passed_over() -> None:
    turns = [Message("user", "aaaa"), Message("assistant", "bbbb")] * 4
    messages = [Message("system", "s"), *turns, Message("user", "last")]

    text, _ = run(truncated_prompt(messages, alternating, 60))

    assert text.startswith("<system>s<user>aaaa<assistant>bbbb")
    assert text.endswith("<user>last")
    assert len(text) <= 60


def test_messages_the_template_refuses_as_they_are_stay_refused() -> None:
    with pytest.raises(Failed):
        run(truncated_prompt([Message("assistant", "x")], alternating, 3))


def test_a_text_is_tokenised_once() -> None:
    assert run(whole_prompt("abc")) == ("abc", 1)


@pytest.mark.parametrize(
    ("prompt", "asked", "overflow", "expected"),
    [
        (10, None, "truncate", 90),
        (10, 50, "truncate", 50),
        (10, 90, "error", 90),
        (10, 91, "truncate", 90),
        (99, 5, "truncate", 1),
        (10, 0, "truncate", 0),
        (10, None, "error", 90),
    ],
)
def test_how_many_tokens_may_be_generated(
    prompt: int, asked: int | None, overflow: ContextOverflow, expected: int
) -> None:
    got = completion_budget(prompt, asked, window=100, overflow=overflow, param="prompt")

    assert got == expected


@pytest.mark.parametrize(
    ("prompt", "asked", "overflow", "param"),
    [
        (100, 5, "truncate", "messages"),
        (500, 0, "error", "messages"),
        (10, 91, "error", "max_tokens"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(
    prompt: int, asked: int | None, overflow: ContextOverflow, param: str
) -> None:
    with pytest.raises(Failed) as refused:
        completion_budget(prompt, asked, window=100, overflow=overflow, param="messages")

    failure = refused.value.failure
    assert (failure.kind, failure.param) == ("invalid", param)
    assert f"{prompt} tokens" in failure.message
    assert "window of 100 tokens" in failure.message
