"""The most that a request may use, known before its tokens are counted.

Money is held for it. A chat's tokens can be counted only where its template and tokenizer are, so
for chats the prompt's part is an estimate which the worker keeps to: a longer prompt comes back
with its count, before it is computed. A completion's prompt is bounded by its bytes, since no token
is made of less than one.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from hearth.engines.protocol import EmbedRequest, GenerateRequest, Hello
from hearth.gateway.job import Job, Work

UNKNOWN_WINDOW_TOKENS = 32_768  # of upstreams that do not tell theirs
_ADDED_TOKENS = 4  # that tokenizers put around a text
_ADDED_TO_INPUT = 64  # the same of an embedding model, and the words it wants before each input
_TOKENS_PER_BYTE = 2  # of embedding models, whose tokenizers take characters apart first
_CHARS_PER_TOKEN = 3  # of a chat, where an estimate will do; English has more
_TURN_TOKENS = 8  # what a template says around a message
_TEMPLATE_TOKENS = 32  # what it says beside the messages
_MOST_TEMPLATE_TOKENS = 4_096  # the same of any template, where nobody checks the estimate


_encode = msgspec.json.Encoder().encode


class Bound(NamedTuple):
    """Tokens, over all parts and choices of a request."""

    prompt_tokens: int
    completion_tokens: int
    is_estimate: bool = False
    "The worker has to be told the prompt's bound."
    is_capped: bool = False
    "The worker has to be told the completion's: the request sets none, or a higher one."

    def up_to(self, completion_tokens: int) -> Bound:
        """The same with fewer completion tokens."""
        return self._replace(completion_tokens=completion_tokens, is_capped=True)


def bound_of(job: Work, hello: Hello) -> Bound:
    """The most tokens that a job may use on a replica."""
    window = hello.context_tokens or UNKNOWN_WINDOW_TOKENS
    if not isinstance(job, Job):
        return Bound(sum(_embedded_tokens(part, window) for part in job.parts), 0)
    first = job.parts[0]
    if first.messages is None:
        prompt_tokens = sum(_prompt_tokens(part, window) for part in job.parts)
        is_estimate = False
    else:
        is_estimate = hello.capabilities.prompt_limit
        prompt_tokens = min(_chat_tokens(first, is_estimate=is_estimate), window)
    is_capped = not hello.context_tokens  # nothing else would end it
    return Bound(prompt_tokens, _completion_tokens(job, window), is_estimate, is_capped)


def _chat_tokens(part: GenerateRequest, *, is_estimate: bool) -> int:
    messages = part.messages or []
    if not is_estimate:
        return len(_encode((messages, part.tool_use))) + _MOST_TEMPLATE_TOKENS
    size = sum([len(message.content) for message in messages])
    if part.tool_use is not None:
        size += len(_encode(part.tool_use))
    return size // _CHARS_PER_TOKEN + _TEMPLATE_TOKENS + _TURN_TOKENS * len(messages)


def _completion_tokens(job: Job, window: int) -> int:
    return sum(
        part.n * (window if part.max_tokens is None else min(part.max_tokens, window))
        for part in job.parts
    )


def _prompt_tokens(part: GenerateRequest, window: int) -> int:
    prompt = part.prompt or ""
    num = len(prompt) if isinstance(prompt, list) else _num_bytes(prompt)
    return min(num + _ADDED_TOKENS, window)


def _embedded_tokens(part: EmbedRequest, window: int) -> int:
    """Every input is cut to the window; a query is read once."""
    if part.token_ids is not None:
        num_inputs, size = len(part.token_ids), sum(map(len, part.token_ids))
    elif part.fields is not None:
        num_inputs, size = len(part.fields), len(_encode(part.fields))
        size += num_inputs * len(part.template)
    else:
        texts = part.texts or []
        num_inputs, size = len(texts), sum(map(_num_bytes, texts))
    if part.query is not None:
        num_inputs, size = num_inputs + 1, size + _num_bytes(part.query)
    most = _TOKENS_PER_BYTE * size + num_inputs * _ADDED_TO_INPUT
    return min(most, num_inputs * window)


def _num_bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
