"""A module run as a process of its own, so that the server does not carry what it imports."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping
from contextlib import suppress


async def run_module(
    module: str, *arguments: str, env: Mapping[str, str] | None = None, is_silent: bool = False
) -> int:
    """Run a module with our output, or none, and return its exit status; cancelled, it is killed.

    It is out of reach of the terminal's Ctrl-C, which is for us to act on.
    """
    output = DEVNULL if is_silent else None
    command = [sys.executable, "-m", module, *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=output, stderr=output, start_new_session=True
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
