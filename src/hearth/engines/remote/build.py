"""Making the engine: ask the server what it is, and whether its answers can be metered."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing

from hearth.engines.engine import Failed
from hearth.engines.protocol import Failure, GenerateRequest, Message, WorkerSpec
from hearth.engines.remote.answer import Answer
from hearth.engines.remote.conversation import Conversations
from hearth.engines.remote.engine import RemoteEngine
from hearth.engines.remote.events import Chunk
from hearth.engines.remote.http import Http
from hearth.engines.remote.kinds import Kind
from hearth.engines.remote.options import RemoteOptions, read_options
from hearth.engines.remote.upstream import Upstream, describe, list_models
from hearth.errors import SetupError

log = logging.getLogger(__name__)

_TRIALS = (
    GenerateRequest(messages=[Message("user", "Hi")], max_tokens=1, seed=0),
    GenerateRequest(prompt="Hi", max_tokens=1, seed=0),
)


def build(spec: WorkerSpec) -> RemoteEngine:
    """Make the engine; see `worker.BUILDERS`. Called where no event loop runs.

    Raises:
        SetupError: the options do not fit, or the server is away, lacks the model, refuses the
            key or does not count tokens.
    """
    options = read_options(spec.options)
    return RemoteEngine(spec, options, asyncio.run(examine(options)))


async def examine(options: RemoteOptions) -> Upstream:
    """Find out what stands behind the URL; where it is a stranger, by one token of its work.

    Raises:
        SetupError: see `build`.
    """
    async with Http(options) as http:
        upstream = await describe(http, options)
        if upstream.kind is Kind.OPENAI:
            await _try(Conversations(http, options, upstream), options)
    return upstream


async def only_model(options: RemoteOptions) -> str:
    """The name of a server's only model.

    Raises:
        SetupError: it has several, or does not say; or it is away.
    """
    async with Http(options) as http:
        names = [each.id for each in await list_models(http, options) or ()]
    if len(names) == 1:
        return names[0]
    shown = ", ".join(names[:20]) or "nothing"
    raise SetupError(f"Name the model with --model; {options.url} lists {shown}.")


async def _try(conversations: Conversations, options: RemoteOptions) -> None:
    """Check that answers come with their token counts; a model may know only one of the routes.

    Raises:
        SetupError: they do not.
    """
    said = ""
    for trial in _TRIALS:
        failure = await _failure(conversations, trial)
        if failure is None:
            return
        said = said or failure.message
        if failure.kind != "invalid":
            raise SetupError(f"{options.url} does not serve {options.model}: {failure.message}")
    # Refused on both routes: some models will not answer in one token. Requests find out; what
    # is not counted then ends in an error.
    log.warning("%s refused a trial of %s: %s", options.url, options.model, said)


async def _failure(conversations: Conversations, trial: GenerateRequest) -> Failure | None:
    """Run a request; return why it failed, if it did."""
    answer = Answer(0, trial, by_choice=False, clock=time.monotonic)
    try:
        async with aclosing(conversations.ask(trial)) as chunks:
            async for chunk in chunks:
                answer.take(chunk or Chunk())
        answer.end()
    except Failed as failed:
        return failed.failure
    return None
