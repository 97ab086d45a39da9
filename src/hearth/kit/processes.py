"""A module run as a process of its own, so that the server does not carry what it imports."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress


async def run_module(module: str, *arguments: str, env: Mapping[str, str] | None = None) -> int:
    """Run a module with our output and return its exit status; cancelled, it is killed.

    It is out of reach of the terminal's Ctrl-C, which is for us to act on.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, env=env, start_new_session=True
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
