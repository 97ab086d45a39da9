"""What the server's refusals and broken connections mean for a request."""

from __future__ import annotations

import msgspec

from hearth.engines.llm.llamacpp.exchange import ExchangeError
from hearth.engines.llm.llamacpp.messages import FaultBody
from hearth.engines.protocol import Failure

_decoder = msgspec.json.Decoder(FaultBody)


def failure_of(error: ExchangeError | None) -> Failure:
    """Say why an exchange ended without its answer; a refusal with status 400 is the request's."""
    if error is None:
        return broken("an answer stopped before its end")
    if not error.status:
        return broken(str(error))
    try:
        fault = _decoder.decode(error.body).error
    except msgspec.MsgspecError:
        return broken(f"it answered with status {error.status}")
    if error.status == 400:
        return Failure(kind="invalid", message=f"llama.cpp refuses the request: {fault.message}")
    return broken(fault.message)


def broken(reason: str) -> Failure:
    """Say that the engine failed at a request."""
    return Failure(kind="failed", message=f"The engine llama.cpp failed: {reason}")
