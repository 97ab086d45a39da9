"""The check of a compiled grammar by llguidance, within limits of time and memory.

https://github.com/guidance-ai/llguidance; llama.cpp has the same version of the library inside,
with wider limits, so that what passes here compiles there.
"""

from __future__ import annotations

from functools import cache

import msgspec
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

# Forcing has a text that can only go on in one way tokenised by llama.cpp, which for some
# vocabularies begins with a blank of its own; such a token drops the whole grammar.
HEAD = '%llguidance {"no_forcing": true}\n'
MAX_REGEX = 2048  # characters; the worst known one compiles in 0.1 s, twice as long in 0.4 s
MAX_TEXT_BYTES = 64 * 1024  # of a constraint; compiles in 0.1 s


def fault(grammar: str) -> str | None:
    """Say in one line why a grammar cannot be used; None where it can."""
    matcher = new_matcher(grammar)
    if matcher.is_error():
        return _told(matcher.get_error())
    if warnings := matcher.get_grammar_warnings():
        return _told(warnings[0])
    can_begin = any(matcher.compute_bitmask())
    return None if can_begin and not matcher.is_error() else "No text at all can match."


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether a schema's `pattern` is found in a text."""
    matcher = new_matcher(pattern_grammar(pattern))
    return matcher.consume_tokens(list(msgspec.json.encode(text))) and matcher.is_accepting()


def pattern_grammar(pattern: str) -> str:
    """Return the grammar of JSON strings in which a pattern is found."""
    schema = msgspec.json.encode({"type": "string", "pattern": pattern}).decode()
    return f"{HEAD}start: %json {schema}\n"


def new_matcher(grammar: str) -> LLMatcher:
    """Return what follows a text byte by byte."""
    return LLMatcher(_bytes_as_tokens(), grammar, log_level=0, limits=_limits())


@cache
def _bytes_as_tokens() -> LLTokenizer:
    return LLTokenizer("byte")


@cache
def _limits() -> LLParserLimits:
    return LLParserLimits(
        initial_lexer_fuel=500_000,  # 10 ms
        step_lexer_fuel=100_000,  # 7 ms
        max_lexer_states=50_000,  # of 1 to 2 kB; a text has at most one new one for each byte
        max_grammar_size=200_000,
    )


def _told(message: str) -> str:
    """Return the message without where in the generated grammar it is, which nobody has seen."""
    text = message.partition("failed to compile JSON schema: ")[2] or message
    lines = [line.strip() for line in text.split("\n")]
    told = [line for line in lines if line and not line.startswith(("1 |", "2 |", "^"))]
    return " ".join(told).partition(" Enable ")[0][:300]
