"""Texts that are drawn under a grammar match it, whatever the model would say."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import numpy as np
import pytest
from llguidance import LLParserLimits

from hearth.engines.engine import Failed
from hearth.engines.llm.constraints import compile_constraint
from hearth.engines.llm.constraints.checking import HEAD
from hearth.engines.llm.gguf_metadata import read_metadata
from hearth.engines.llm.native.sampling import Drawn, Grammars, GrammarState, Sampler
from hearth.engines.llm.vocabulary import read_vocabulary
from hearth.engines.protocol import Constraint, Failure
from tests.engines.llm.native.sampling.drawing import drawing, random_logits
from tests.engines.llm.schemas import random_schema
from tests.engines.models import smollm2_path

ENDS = [256, 258]
BYTES = [bytes([byte]) for byte in range(256)] + [b"", b"ab", b""]
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "tags": {"type": "array", "items": {"enum": ["a", "bb", "größe"]}, "maxItems": 3},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
    },
    "required": ["name", "tags", "age"],
}
# Rules that can be applied in ever more ways as the text grows.
AMBIGUOUS = 'root ::= s\ns ::= [a-z] s [a-z] | s s | [a-z] | ""'


@pytest.fixture(scope="module")
def pieces() -> list[bytes]:
    return read_vocabulary(read_metadata(smollm2_path())).pieces


@pytest.fixture(scope="module")
def grammars(pieces: list[bytes]) -> Grammars:
    return Grammars(pieces, [2, 0])


def compiled(kind: Any, what: object) -> str:
    text = what if isinstance(what, str) else json.dumps(what)
    return compile_constraint(Constraint(kind, text))


def allowed(state: GrammarState, size: int = len(BYTES)) -> list[int]:
    logits = np.zeros(size, np.float32)
    state.forbid(logits)
    return np.flatnonzero(logits == 0).tolist()


def written(state: GrammarState, vocabulary: list[bytes], seed: int, most: int = 400) -> Any:
    """The text that random logits give, or the failure; None where it does not end."""
    settings = drawing(len(vocabulary), seed=seed, grammar=state)
    sampler, text, noise = Sampler(len(vocabulary)), b"", random_logits(len(vocabulary), seed=seed)
    for _ in range(most):
        drawn = sampler.draw_one(np.roll(noise, len(text) * 7), settings)
        if not isinstance(drawn, Drawn):
            return drawn
        settings.accept(drawn.token)
        if state.may_end and not vocabulary[drawn.token]:
            return text.decode()
        text += vocabulary[drawn.token]
    return None


def test_end_tokens_are_allowed_exactly_where_the_text_is_whole() -> None:
    state = Grammars(BYTES, ENDS).compile(compiled("regex", "ab(c)?")).start()

    assert allowed(state) == [ord("a"), 257]
    state.accept(257)
    assert state.may_end
    assert allowed(state) == [ord("c"), *ENDS]
    state.accept(ord("c"))
    assert allowed(state) == ENDS


def test_logits_beyond_the_vocabulary_are_forbidden() -> None:
    state = Grammars(BYTES, ENDS).compile(compiled("regex", "a*")).start()

    assert allowed(state, len(BYTES) + 400) == [ord("a"), *ENDS]


@pytest.mark.parametrize("end", ENDS)
def test_any_end_token_ends_the_text(end: int) -> None:
    state = Grammars(BYTES, ENDS).compile(compiled("regex", "a*")).start()

    state.accept(ord("a"))
    state.accept(end)

    assert state.may_end


def test_a_bias_for_other_tokens_does_not_break_the_grammar() -> None:
    state = Grammars(BYTES, ENDS).compile(compiled("regex", "no")).start()
    settings = drawing(len(BYTES), grammar=state, logit_bias={ord("y"): 100.0}, temperature=0.0)

    drawn = Sampler(len(BYTES)).draw_one(random_logits(len(BYTES)), settings)

    assert drawn == Drawn(ord("n"))


def test_a_bias_that_bans_all_the_grammar_allows_is_a_failure() -> None:
    state = Grammars(BYTES, ENDS).compile(compiled("regex", "no")).start()
    settings = drawing(len(BYTES), grammar=state, logit_bias={ord("n"): -100.0})

    drawn = Sampler(len(BYTES)).draw_one(random_logits(len(BYTES)), settings)

    assert isinstance(drawn, Failure)


def test_json_of_a_real_vocabulary_is_valid(grammars: Grammars, pieces: list[bytes]) -> None:
    grammar = grammars.compile(compiled("json_schema", SCHEMA))

    texts = [written(grammar.start(), pieces, seed) for seed in range(20)]

    ended = [text for text in texts if text is not None]
    assert len(ended) > 15
    assert len(set(ended)) > 10
    for text in ended:
        jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))


def test_json_of_random_schemas_is_valid(grammars: Grammars, pieces: list[bytes]) -> None:
    ended = 0
    for seed in range(25):
        schema = random_schema(seed)
        state = grammars.compile(compiled("json_schema", schema)).start()

        text = written(state, pieces, seed, most=150)

        if text is not None:
            ended += 1
            jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    assert ended > 8


def test_a_regex_is_matched_by_tokens_of_many_characters(
    grammars: Grammars, pieces: list[bytes]
) -> None:
    regex = r"[A-Z][a-z]{2,12}, [0-9]{1,4} (Street|Road)"
    grammar = grammars.compile(compiled("regex", regex))

    texts = [written(grammar.start(), pieces, seed) for seed in range(10)]

    assert all(re.fullmatch(regex, text) for text in texts)


def test_sequences_of_one_grammar_do_not_disturb_each_other(grammars: Grammars) -> None:
    grammar = grammars.compile(compiled("regex", "[ab]{4}"))
    first, second = grammar.start(), grammar.start()
    before = allowed(second, 300)

    first.accept(allowed(first, 300)[0])

    assert grammars.compile(compiled("regex", "[ab]{4}")) is grammar
    assert allowed(second, 300) == before
    assert len(allowed(first, 300)) <= len(before)


def test_a_grammar_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(Failed) as refused:
        Grammars(BYTES, ENDS).compile(f"{HEAD}start: nothing")

    assert refused.value.failure.kind == "invalid"


def test_a_grammar_that_explodes_fails_its_sequence_alone(
    grammars: Grammars, pieces: list[bytes]
) -> None:
    bad = drawing(len(pieces), grammar=grammars.compile(compiled("grammar", AMBIGUOUS)).start())
    good = drawing(len(pieces), seed=2)
    logits = random_logits(2, len(pieces))
    logits[:, [0, 2]] = -30.0
    sampler = Sampler(len(pieces))

    for _ in range(300):
        drawn = sampler.draw(logits, [bad, good])
        assert isinstance(drawn[1], Drawn)
        if isinstance(drawn[0], Failure):
            break
        bad.accept(drawn[0].token)

    assert isinstance(drawn[0], Failure)
    assert drawn[0].kind == "failed"


def test_a_limit_that_others_used_up_does_not_fail_a_sequence(pieces: list[bytes]) -> None:
    grammars = Grammars(pieces, [2], limits=LLParserLimits(max_lexer_states=1500))
    text = compiled("regex", r"(.|\n)*a(.|\n){18}c")
    first = grammars.compile(text)

    for seed in range(60):
        assert not isinstance(written(first.start(), pieces, seed, most=2), Failure)

    assert first.has_given_up
    assert grammars.compile(text) is not first
