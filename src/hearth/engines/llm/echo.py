"""The prompt told again before a completion, as `echo` and `echo_last` ask for."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from hearth.engines.llm.detokenizer import Detokenizer
from hearth.engines.llm.truncate import Prompt
from hearth.engines.protocol import GenerateRequest, More, TokenLogprob

_SPACE = b" "


class Echo(Struct, frozen=True, kw_only=True):
    """What a choice tells of its prompt, with the first delta that tells anything."""

    text: str
    num_tokens: int
    "How many of the prompt's last tokens it is."
    skips_space: bool = False
    "The tokeniser put a space before the text, which nobody wrote."
    logprobs: list[TokenLogprob] = []
    "Of its tokens, once they are scored; empty where nobody asked."

    def scored(self, logprobs: Sequence[TokenLogprob]) -> Echo:
        """Return it with the log-probabilities of its tokens.

        Args:
            logprobs: of every token of the prompt.
        """
        told = list(logprobs[len(logprobs) - self.num_tokens :])
        if self.skips_space:
            first = next((i for i, each in enumerate(told) if each.data), 0)
            data = told[first].data.removeprefix(_SPACE)
            told[first] = replace(told[first], data=data)
        return replace(self, logprobs=told)

    def before(self, text: str, more: More | None) -> tuple[str, More | None]:
        """Return what a delta tells, this before it."""
        if self.logprobs:
            more = more or More()
            more = replace(more, logprobs=[*self.logprobs, *more.logprobs])
        return self.text + text, more


def echo_of(asked: GenerateRequest, prompt: Prompt, pieces: Sequence[bytes] | None) -> Echo | None:
    """Return what is to be told of a prompt; None where nothing is.

    Special tokens have no text, as in completions. Tokenisers of the SentencePiece family put a
    space before a text; the text that is told again has it only where it was written.

    Args:
        pieces: see `TextEngine`.
    """
    if asked.echo_tokens is None:
        return None
    assert pieces is not None, "the runner echoes but has no vocabulary"
    is_whole = not 0 <= asked.echo_tokens < len(prompt.ids)
    ids = prompt.ids if is_whole else prompt.ids[len(prompt.ids) - asked.echo_tokens :]
    detokenizer = Detokenizer(pieces)
    text = detokenizer.push(ids) + detokenizer.flush()
    written = asked.prompt if isinstance(asked.prompt, str) else " "
    skips_space = is_whole and text.startswith(" ") and not written.startswith(" ")
    return Echo(
        text=text[skips_space:],
        num_tokens=len(ids),
        skips_space=skips_space,
    )
