"""Keeps a text within a grammar, token by token, with llguidance over the model's own vocabulary.

https://github.com/guidance-ai/llguidance. Grammars come from `constraints.compile_constraint`,
which has checked them byte by byte; here they are compiled a second time, for tokens.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper
from numpy.typing import NDArray

from hearth.engines.engine import Failed
from hearth.engines.llm.native.backend import Floats
from hearth.engines.protocol import Failure

_CACHED_GRAMMARS = 64
# Wider than those of the check, as in llama.cpp: a step goes over all tokens, not all bytes.
_LIMITS = LLParserLimits(
    initial_lexer_fuel=1_000_000,  # 20 ms
    step_lexer_fuel=200_000,  # 14 ms
    step_max_items=50_000,  # 3 ms
    max_lexer_states=100_000,  # of 1 to 2 kB
    max_grammar_size=500_000,
)

# A few ambiguous rules can take a second for one token, within all limits of llguidance. Of the
# thread's own time a sequence gets so much for each token, and saves up so much.
_STEP_S = 0.005
_RESERVE_S = 0.1

Bits = NDArray[np.uint8]
"One for each token, from the lowest bit of the first byte on: it may come next."


class GrammarState:
    """Where a sequence is in its grammar.

    An end token may be drawn exactly where the text so far is whole; where nothing else can
    follow, it is the only one.

    Sequences of one grammar share the states of its lexer, and their limit; one that runs into a
    limit starts over with a matcher of its own, and fails only if that does, too.
    """

    def __init__(self, grammar: CompiledGrammar) -> None:
        self._grammar = grammar
        self._matcher = grammar.matcher.deep_copy()
        self._allowed: Bits | None = grammar.first
        self._tokens: list[int] = []
        self._is_alone = False
        self._has_ended = False
        self._saved_s = _RESERVE_S

    @property
    def may_end(self) -> bool:
        """Whether the text so far is whole."""
        return self._has_ended or self._matcher.is_accepting()

    def prepare(self) -> None:
        """Compute what the next token may be; may run in a thread while the model computes.

        Mostly 5 to 500 µs; `forbid` does it where it has not been done.

        Raises:
            Failed: the grammar cannot be followed any further, or takes too long.
        """
        if self._allowed is not None:
            return
        begin = time.thread_time()
        bits = self._matcher.compute_bitmask()
        if self._matcher.is_error() and not self._is_alone:
            self._start_over()
            bits = self._matcher.compute_bitmask()
        if self._matcher.is_error():
            raise _failed(f"The constraint cannot be followed: {_reason(self._matcher)}")
        self._saved_s += _STEP_S - (time.thread_time() - begin)
        if self._saved_s < 0.0:
            raise _failed("The constraint takes too long to follow; a simpler one may not.")
        self._saved_s = min(self._saved_s, _RESERVE_S)
        self._allowed = _with_ends(bits, self._grammar.ends, self._matcher.is_accepting())

    def forbid(self, logits: Floats) -> None:
        """Set the logits of tokens that cannot come next to minus infinity, in place.

        Raises:
            Failed: as `prepare`.
        """
        self.prepare()
        assert self._allowed is not None
        bias = _BIAS_OF_BYTES.take(self._allowed, axis=0).reshape(-1)
        logits[: len(bias)] += bias[: len(logits)]
        logits[len(bias) :] = -np.inf  # ids that are no tokens

    def accept(self, token: int) -> None:
        """Go on by a token; where that fails, `prepare` tells."""
        self._allowed = None
        if token in self._grammar.ends and self._matcher.is_accepting():
            self._has_ended = True
            return
        self._tokens.append(token)
        self._matcher.consume_token(token)

    def _start_over(self) -> None:
        self._is_alone = True
        self._grammar.has_given_up = True
        self._matcher = self._grammar.new_matcher()
        self._matcher.consume_tokens(self._tokens)


class CompiledGrammar:
    """A grammar that any number of sequences can start from.

    Args:
        new_matcher: makes one that shares nothing.

    Raises:
        Failed: it cannot be used.
    """

    def __init__(self, new_matcher: Callable[[], LLMatcher], ends: frozenset[int]) -> None:
        self.new_matcher = new_matcher
        self.ends = ends
        self.has_given_up = False
        "A sequence ran into a limit; others should start from another."
        self.matcher = new_matcher()
        bits = self.matcher.compute_bitmask()
        if self.matcher.is_error():
            raise _failed(f"The constraint cannot be used: {_reason(self.matcher)}", "invalid")
        self.first = _with_ends(bits, ends, self.matcher.is_accepting())

    def start(self) -> GrammarState:
        """Begin a text; takes some 10 µs."""
        return GrammarState(self)


class Grammars:
    """Compiles grammars for one vocabulary, and keeps the last ones; for any thread.

    Building it takes 0.2 s for 49k tokens.

    Args:
        pieces: bytes of every token id; tokens without text are in no grammar.
        end_ids: of the tokens that end a text; at least one.
        limits: of time and memory for one grammar.
    """

    def __init__(
        self,
        pieces: Sequence[bytes],
        end_ids: Sequence[int],
        *,
        limits: LLParserLimits = _LIMITS,
    ) -> None:
        self._ends = frozenset(end_ids)
        self._limits = limits
        self._tokenizer = LLTokenizer(TokenizerWrapper(_Tokens(pieces, end_ids)))
        self._compiled: OrderedDict[str, CompiledGrammar] = OrderedDict()
        self._lock = threading.Lock()

    def compile(self, grammar: str) -> CompiledGrammar:
        """Compile a grammar, mostly in milliseconds; at once where it is kept.

        Raises:
            Failed: it cannot be used.
        """
        with self._lock:
            kept = self._compiled.get(grammar)
            if kept is not None and not kept.has_given_up:
                self._compiled.move_to_end(grammar)
                return kept
        matchers = partial(LLMatcher, self._tokenizer, grammar, log_level=0, limits=self._limits)
        compiled = CompiledGrammar(matchers, self._ends)
        with self._lock:
            self._compiled[grammar] = compiled
            self._compiled.move_to_end(grammar)
            while len(self._compiled) > _CACHED_GRAMMARS:
                self._compiled.popitem(last=False)
        return compiled


class _Tokens:
    """What `TokenizerWrapper` asks of a tokeniser."""

    bos_token_id = None

    def __init__(self, pieces: Sequence[bytes], end_ids: Sequence[int]) -> None:
        self.eos_token_id = end_ids[0]
        self.special_token_ids = [
            id_ for id_, piece in enumerate(pieces) if not piece or id_ in end_ids
        ]
        self.tokens = list(pieces)
        for id_ in self.special_token_ids:
            self.tokens[id_] = b"<|%d|>" % id_

    def __call__(self, text: bytes) -> list[int]:
        """Tokenise; never asked, since grammars come with forcing switched off."""
        return []


def _with_ends(mask: bytes, ends: frozenset[int], may_end: bool) -> Bits:
    """Return a mask of llguidance, which knows one end token, with all of them."""
    bits = np.frombuffer(mask, np.uint8).copy()
    for token in ends:
        byte, bit = token // 8, np.uint8(1 << token % 8)
        bits[byte] = bits[byte] | bit if may_end else bits[byte] & ~bit
    return bits


def _bias_of_bytes() -> Floats:
    """Return what a byte of `Bits` adds to eight logits, (256, 8)."""
    every = np.arange(256, dtype=np.uint8)[:, None]
    is_allowed = np.unpackbits(every, axis=1, bitorder="little")
    return np.where(is_allowed, 0.0, -np.inf).astype(np.float32)


_BIAS_OF_BYTES = _bias_of_bytes()


def _reason(matcher: LLMatcher) -> str:
    return matcher.get_error().partition("\n")[0][:300]


def _failed(message: str, kind: Literal["failed", "invalid"] = "failed") -> Failed:
    return Failed(Failure(kind=kind, message=message))
