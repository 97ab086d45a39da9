"""The text of a choice that thinks, calls tools or tells its tokens; others are `ChoiceText`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hearth.engines.llm.detokenizer import Detokenizer
from hearth.engines.llm.plan import Plan
from hearth.engines.llm.reasoning import is_open
from hearth.engines.llm.reasoning_splitter import CLOSING, ReasoningSplitter
from hearth.engines.llm.stops import StopMatcher
from hearth.engines.llm.truncate import Piece, Prompt, Prompting
from hearth.engines.llm.types import EndReason, Produced
from hearth.engines.protocol import (
    FinishReason,
    GenerateRequest,
    More,
    TokenLogprob,
    ToolCallDelta,
)

FINISH: dict[EndReason, FinishReason] = {
    "eos": "stop",
    "length": "length",
    "cancelled": "cancelled",
}


class Read(NamedTuple):
    """What became of a step's output."""

    text: str
    more: More | None
    finish: FinishReason | None = None
    is_thought: bool = False
    "The think phase is over; the answer is the next sequence."


class RichText:
    """Reads the output of one choice, through its one or two sequences.

    Order of the stages: ids to text, thinking apart, stop strings, tool calls. So stop strings end
    answers only, and calls are read from what is left. Ids and log-probabilities of tokens whose
    text is held back wait for it and leave with the next text, the last ones with the end.

    Args:
        pieces: see `TextEngine`.
    """

    def __init__(
        self,
        request: GenerateRequest,
        plan: Plan,
        prompt: Prompt,
        pieces: Sequence[bytes] | None,
    ) -> None:
        thinking = plan.thinking
        begins_thinking = prompt.text is not None and is_open(prompt.text)
        self._thinking = thinking
        self._prompt = prompt
        self._pieces = pieces
        self._detokenizer = None if pieces is None else Detokenizer(pieces)
        self._splitter = None if thinking is None else ReasoningSplitter(is_open=begins_thinking)
        self._stops = StopMatcher(request.stop) if request.stop else None
        self._parser = None if plan.new_parser is None else plan.new_parser()
        self._tells_ids = request.return_token_ids
        self.is_in_think_phase = thinking is not None and thinking.is_apart and begins_thinking
        self.num_tokens = 0
        self.reasoning_tokens = 0
        self._undecided_tokens = 0
        self._has_called = False
        self._thought = ""
        self._unsent_ids: list[int] = []
        self._unsent_logprobs: list[TokenLogprob] = []

    @property
    def stop_met(self) -> str:
        """The stop string that ended the text; empty if none did."""
        return "" if self._stops is None else self._stops.met

    def push(self, event: Produced) -> Read:
        """Take what a step produced."""
        self.num_tokens += event.num_tokens
        self._note_details(event)
        raw = self._decoded(event)
        if self.is_in_think_phase:
            return self._think(raw, event)
        before = self._stage()
        reasoning, text = ("", raw) if self._splitter is None else self._splitter.push(raw)
        self._count_reasoning(event.num_tokens, before)
        text, is_stopped = self._until_stop(text)
        finish: FinishReason | None = "stop" if is_stopped else None
        if event.end is not None and not is_stopped:
            return self._ended(reasoning, text, FINISH[event.end])
        return self._told(reasoning, text, finish)

    def end(self) -> Read:
        """Return what was held back: the request was cancelled."""
        return self._ended("", "", "cancelled")

    def continued(self) -> Prompting:
        """Make the prompt of the answer: what was thought, closed.

        The thinking is tokenised again: a runner that gives text need not know every id it drew.
        As models write what their tokenisers would, the cache knows nearly all of it.
        """
        assert self._thinking is not None
        thought = self._thought.partition(CLOSING)[0]
        whole = list(self._prompt.ids)
        if thought:
            whole += yield Piece(thought, is_plain=True, is_start=False)
        whole += yield Piece(self._thinking.closing, is_start=False)
        return Prompt(whole, None)

    def _think(self, raw: str, event: Produced) -> Read:
        assert self._splitter is not None
        self.reasoning_tokens += event.num_tokens
        self._thought += raw
        reasoning, _ = self._splitter.push(raw)
        is_closed = self._splitter.stage == "answering"
        if not is_closed and event.end is None:
            return self._told(reasoning, "", None)
        reasoning += self._splitter.close()
        self.is_in_think_phase = False
        if self._pieces is not None:
            self._detokenizer = Detokenizer(self._pieces)
        if event.end == "cancelled":
            return self._told(reasoning, "", "cancelled")
        return Read("", self._details(reasoning, []), is_thought=True)

    def _ended(self, reasoning: str, text: str, finish: FinishReason) -> Read:
        """Take out what every stage holds back."""
        rest = "" if self._detokenizer is None else self._detokenizer.flush()
        if self._splitter is not None:
            thought, rest = self._splitter.push(rest)
            last_thought, last = self._splitter.end()
            reasoning, rest = reasoning + thought + last_thought, rest + last
        rest, is_stopped = self._until_stop(rest)
        if self._stops is not None and not is_stopped:
            rest += self._stops.flush()
        return self._told(reasoning, text + rest, "stop" if is_stopped else finish)

    def _told(self, reasoning: str, text: str, finish: FinishReason | None) -> Read:
        calls: list[ToolCallDelta] = []
        if self._parser is not None:
            parts = self._parser.push(text) if text else []
            if finish is not None:
                parts += self._parser.end()
            text = "".join(part for part in parts if isinstance(part, str))
            calls = [part for part in parts if isinstance(part, ToolCallDelta)]
            self._has_called = self._has_called or bool(calls)
            if self._parser.is_over and finish is None:
                finish = "stop"
        if finish == "stop" and self._has_called:
            finish = "tool_calls"
        if not (text or reasoning or calls or finish):
            return Read("", None)
        return Read(text, self._details(reasoning, calls), finish)

    def _details(self, reasoning: str, calls: list[ToolCallDelta]) -> More | None:
        if not (reasoning or calls or self._unsent_ids or self._unsent_logprobs):
            return None
        more = More(
            reasoning=reasoning,
            tool_calls=calls,
            logprobs=self._unsent_logprobs,
            token_ids=self._unsent_ids,
        )
        self._unsent_ids, self._unsent_logprobs = [], []
        return more

    def _decoded(self, event: Produced) -> str:
        if isinstance(event.output, str):
            return event.output
        assert self._detokenizer is not None, "the runner gives ids but no vocabulary"
        return self._detokenizer.push(event.output)

    def _until_stop(self, text: str) -> tuple[str, bool]:
        return (text, False) if self._stops is None else self._stops.push(text)

    def _stage(self) -> str:
        return "answering" if self._splitter is None else self._splitter.stage

    def _count_reasoning(self, num_tokens: int, before: str) -> None:
        """Count a step's tokens; the tags, and a token that is thinking in part, are thinking."""
        after = self._stage()
        if after == "undecided":
            self._undecided_tokens += num_tokens
        elif "thinking" in (before, after):
            self.reasoning_tokens += num_tokens + self._undecided_tokens
            self._undecided_tokens = 0

    def _note_details(self, event: Produced) -> None:
        if self._tells_ids:
            self._unsent_ids += event.token_ids if isinstance(event.output, str) else event.output
        self._unsent_logprobs += event.logprobs
