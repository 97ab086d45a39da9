"""Run the bare server: `python -m benchmarks.bare PORT UPSTREAM_SOCKET KEY JOURNAL`."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import sys
from itertools import count

import uvloop

from benchmarks.bare.channel import BareChannel
from benchmarks.bare.server import BareServer, Shared


async def serve(port: int, upstream: str, key: str, journal: str) -> None:
    """Listen until the process is ended."""
    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(BareChannel, upstream)
    shared = Shared(
        channel=channel,
        keys={hashlib.sha256(key.encode()).digest(): "bench"},
        journal_fd=os.open(journal, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND, 0o600),
        ids=count(),
    )
    server = await loop.create_server(lambda: BareServer(shared), "127.0.0.1", port)
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), *sys.argv[2:5]))
