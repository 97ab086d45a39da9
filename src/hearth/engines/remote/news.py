"""What a chunk adds to a choice besides text: thinking, calls, log-probabilities, token ids."""

from __future__ import annotations

from hearth.engines.protocol import More, TokenLogprob, ToolCallDelta, TopLogprob
from hearth.engines.remote.events import (
    CallPiece,
    ChunkChoice,
    ChunkLogprobs,
    ScoredToken,
)

UNKNOWN_ID = -1
"Of tokens whose server tells their text only."


def more_of(choice: ChunkChoice) -> More | None:
    """What the chunk says besides text; None where it says nothing."""
    reasoning = choice.delta.thought if choice.delta else ""
    calls = (choice.delta.tool_calls if choice.delta else None) or []
    if not (reasoning or calls or choice.logprobs or choice.token_ids):
        return None
    return More(
        reasoning=reasoning,
        tool_calls=[_call(each) for each in calls],
        logprobs=[] if choice.logprobs is None else _scores(choice.logprobs),
        token_ids=choice.token_ids or [],
    )


def _call(piece: CallPiece) -> ToolCallDelta:
    function = piece.function
    name = (function.name if function else None) or ""
    arguments = (function.arguments if function else None) or ""
    # Some servers repeat the id with every piece; it belongs to the first, which has the name.
    return ToolCallDelta(piece.index, (piece.id or "") if name else "", name, arguments)


def _scores(logprobs: ChunkLogprobs) -> list[TokenLogprob]:
    if logprobs.content is not None:
        return [
            TokenLogprob(
                _id(each), each.data, each.logprob,
                [TopLogprob(_id(top), top.data, top.logprob or 0.0) for top in each.top_logprobs],
            )
            for each in logprobs.content
        ]  # fmt: skip
    tokens, scores = logprobs.tokens or [], logprobs.token_logprobs or []
    tops = logprobs.top_logprobs or [None] * len(tokens)
    ids = logprobs.token_ids or [UNKNOWN_ID] * len(tokens)
    return [
        TokenLogprob(
            ids[i], tokens[i].encode(), scores[i],
            [TopLogprob(UNKNOWN_ID, text.encode(), it) for text, it in (tops[i] or {}).items()],
        )
        for i in range(min(len(tokens), len(scores), len(tops), len(ids)))
    ]  # fmt: skip


def _id(token: ScoredToken) -> int:
    return UNKNOWN_ID if token.token_id is None else token.token_id
