"""A worker process: one engine behind the worker protocol.

Started by the supervisor with its `WorkerSpec` as one JSON line on standard input; answers on
standard output with one `Ready` line, then serves. It drains on SIGTERM and dies at once when its
standard input closes, so that it never outlives the process that started it. It knows neither
HTTP nor keys nor money.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Protocol, cast

import msgspec

from hearth.engines.engine import Engine
from hearth.engines.engine_server import EngineServer
from hearth.engines.protocol import Ready, WorkerSpec
from hearth.errors import SetupError

BUILDERS = {
    "llamacpp": "hearth.engines.llm.llamacpp",
    "native": "hearth.engines.llm.native",
    "embedding": "hearth.engines.embedding",
    "remote": "hearth.engines.remote",
    "fake": "hearth.engines.fake",
    "fake-embedding": "hearth.engines.fake_embedding",
}
"Module of each engine; imported only in the worker that runs it."


class _Builder(Protocol):
    def build(self, spec: WorkerSpec) -> Engine: ...


async def run(spec: WorkerSpec) -> None:
    """Load the engine, serve until SIGTERM, finish what runs, free the engine."""
    builder = cast(_Builder, importlib.import_module(BUILDERS[spec.engine]))
    engine = await asyncio.to_thread(builder.build, spec)
    if spec.adapters and engine.hello().capabilities.adapters == "none":
        raise SetupError(f"The engine {spec.engine} loads no adapters; take them off {spec.model}.")
    server = EngineServer(engine)
    address = await server.listen(spec.address)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.drain)
    _answer(Ready(address=address))
    try:
        await server.serve()
    finally:
        await engine.close()


def _answer(ready: Ready) -> None:
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads what libraries print later


def _die_with_parent() -> None:
    """Wait for standard input to close; a plain thread, so that a busy engine cannot delay it."""
    while os.read(0, 4096):  # not `sys.stdin`, whose lock would be held at the interpreter's end
        pass
    os._exit(0)


def _read_spec(line: bytes) -> WorkerSpec:
    try:
        return msgspec.json.decode(line, type=WorkerSpec)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _answer(Ready(error=f"The worker's spec cannot be read: {error}."))
        sys.exit(1)


def main() -> None:
    """Entry of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; it drains us
    spec = _read_spec(sys.stdin.buffer.readline())
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        import uvloop

        uvloop.run(run(spec))
    except SetupError as error:
        _answer(Ready(error=str(error)))
        sys.exit(1)
    finally:
        if spec.address.startswith("unix://"):
            Path(spec.address.removeprefix("unix://")).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
