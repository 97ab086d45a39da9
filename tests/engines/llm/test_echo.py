"""What an echo tells of a prompt whose tokeniser writes more than was given."""

from __future__ import annotations

from hearth.engines.llm.echo import echo_of
from hearth.engines.llm.truncate import Prompt
from hearth.engines.protocol import GenerateRequest, More, TokenLogprob

PIECES = [b"", b" One", b" two", b"\xc3", b"\xa9"]


def ask(prompt: str | list[int], echo_tokens: int) -> GenerateRequest:
    return GenerateRequest(prompt=prompt, seed=1, echo_tokens=echo_tokens)


def score(token: int, logprob: float | None = -1.0) -> TokenLogprob:
    return TokenLogprob(token, PIECES[token], logprob, [])


def test_the_space_of_the_tokeniser_is_left_out_of_text_and_tokens() -> None:
    echo = echo_of(ask("One two", -1), Prompt([0, 1, 2], None), PIECES)

    assert echo is not None
    text, more = echo.scored([score(0, None), score(1), score(2)]).before("!", None)
    assert text == "One two!"
    assert more is not None
    assert [each.data for each in more.logprobs] == [b"", b"One", b" two"]


def test_a_space_that_was_written_stays() -> None:
    written = echo_of(ask(" One", -1), Prompt([0, 1], None), PIECES)
    given = echo_of(ask([1], -1), Prompt([1], None), PIECES)
    last = echo_of(ask("One two", 1), Prompt([0, 1, 2], None), PIECES)

    assert [each and each.text for each in (written, given, last)] == [" One", " One", " two"]


def test_more_tokens_than_there_are_is_all_of_them() -> None:
    echo = echo_of(ask([1, 2], 9), Prompt([1, 2], None), PIECES)

    assert echo is not None
    assert (echo.text, echo.num_tokens) == (" One two", 2)


def test_its_log_probabilities_stand_before_those_of_the_text() -> None:
    echo = echo_of(ask([1, 2], 1), Prompt([1, 2], None), PIECES)

    assert echo is not None
    _, more = echo.scored([score(1, None), score(2)]).before("", More(logprobs=[score(3)]))
    assert more is not None
    assert [each.token_id for each in more.logprobs] == [2, 3]
    assert echo.before("", None) == (" two", None)


def test_a_character_that_is_cut_is_told_as_such() -> None:
    echo = echo_of(ask([3, 4], 1), Prompt([3, 4], None), PIECES)

    assert echo is not None
    assert echo.text == "\ufffd"


def test_nothing_is_told_where_nothing_is_asked_for() -> None:
    asked = GenerateRequest(prompt="One", seed=1)

    assert echo_of(asked, Prompt([1], None), PIECES) is None
