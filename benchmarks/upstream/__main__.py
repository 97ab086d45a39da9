"""Run the mock upstream: `python -m benchmarks.upstream PORT SOCKET MODEL`."""

from __future__ import annotations

import asyncio
import gc
import sys

import uvloop

from benchmarks.upstream.http_face import HttpFace
from benchmarks.upstream.pace import Pace
from benchmarks.upstream.worker_face import WorkerFace
from hearth.engines.wire import Connection


async def serve(port: int, socket_path: str, model: str) -> None:
    """Listen on both faces until the process is ended."""
    loop = asyncio.get_running_loop()
    pace = Pace()

    def worker() -> Connection:
        face = WorkerFace(pace, model)
        loop.call_soon(face.greet)
        return face.connection

    await loop.create_unix_server(worker, socket_path)
    server = await loop.create_server(lambda: HttpFace(pace), "127.0.0.1", port)
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
