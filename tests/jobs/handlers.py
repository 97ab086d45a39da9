"""Handlers for the tests: each leaves a trace in a file for everything it really does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hearth.errors import InvalidRequest, NotFound, SetupError, Unavailable
from hearth.jobs import Context, Handler
from hearth.kit.db import Database
from hearth.settings import Settings

POLL_S = 0.02


def trace(path: str, line: str) -> None:
    with Path(path).open("a") as file:
        file.write(line + "\n")


def num_lines(path: str, line: str) -> int:
    return Path(path).read_text().splitlines().count(line) if Path(path).exists() else 0


async def gate(path: Path) -> None:
    """Wait until the test lets us through."""
    while not path.exists():  # noqa: ASYNC110, ASYNC240 - the test is another process
        await asyncio.sleep(POLL_S)


async def walk(context: Context, arguments: Mapping[str, Any]) -> list[int]:
    """Take steps; at `gate` wait in the middle of one, at `pause` wait between two."""
    path = arguments["trace"]

    async def step(number: int) -> int:
        trace(path, f"step {number}")
        if number == arguments.get("gate"):
            await gate(Path(f"{path}.go"))
        return number * number

    squares = []
    for number in range(arguments["num_steps"]):
        squares.append(await context.step(f"step {number}", step, number))
        await context.progress(min(100, number), f"after {number}")
        if number == arguments.get("pause"):
            await gate(Path(f"{path}.go"))
    return squares


async def fail(context: Context, arguments: Mapping[str, Any]) -> None:
    raise {
        "api": InvalidRequest("The file has no header; write one.", param="file"),
        "setup": SetupError("The disk is full; free some of it."),
        "bug": ZeroDivisionError("a secret detail"),
    }[arguments["how"]]


async def recover(context: Context, arguments: Mapping[str, Any]) -> str:
    """Go on after a step that failed, then be killed once: the failure is remembered."""
    path = arguments["trace"]

    async def miss() -> None:
        trace(path, "miss")
        raise NotFound("There is no such file.", param="file")

    try:
        await context.step("miss", miss)
    except NotFound as error:
        if num_lines(path, "killed") == 0:
            trace(path, "killed")
            os._exit(9)
        return f"{error.param}: {error.message}"
    return "found"


async def insist(context: Context, arguments: Mapping[str, Any]) -> int:
    path = arguments["trace"]

    async def flicker() -> int:
        trace(path, "try")
        if num_lines(path, "try") < 2:
            raise Unavailable("The hub does not answer.")
        return num_lines(path, "try")

    tries: int = await context.step("flicker", flicker, num_retries=arguments["num_retries"])
    return tries


async def rest(context: Context, arguments: Mapping[str, Any]) -> None:
    trace(arguments["trace"], "begin")
    await context.sleep(arguments["seconds"])


async def tidy(context: Context, arguments: Mapping[str, Any]) -> None:
    """Clean up when cancelled."""
    path = arguments["trace"]
    trace(path, "begin")
    try:
        await gate(Path(f"{path}.go"))
    except asyncio.CancelledError:
        trace(path, f"tidied, told {context.is_cancelled}")
        raise


def make_handlers(settings: Settings, db: Database) -> Mapping[str, Handler]:
    return {
        "walk": walk,
        "fail": fail,
        "recover": recover,
        "insist": insist,
        "rest": rest,
        "tidy": tidy,
    }
