"""`hearth controller`: the controller without a gateway; one more than leads waits to take over."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack, suppress
from functools import partial

import uvloop

from hearth.app.controller import Controller
from hearth.app.leading import Leading
from hearth.app.state import open_state
from hearth.cli.serving import on_signals, say, stop_starting_on_signals
from hearth.errors import HearthError
from hearth.kit.home import make_home
from hearth.kit.leadership import Leadership
from hearth.kit.log import configure
from hearth.settings import Settings, load_settings


async def serve(settings: Settings, options: argparse.Namespace) -> None:
    """Lead or wait, say which, until a signal; then drain.

    Raises:
        SetupError: the machine, the database or a setting stops us.
    """
    stop_starting_on_signals()
    async with AsyncExitStack() as ending:
        make_home(settings.home_path)
        db = await open_state(settings, ending, may_migrate=True)
        leadership = Leadership(db, settings.home_path)
        make_controller = partial(
            Controller,
            settings,
            db,
            leadership,
            fake=options.engine == "fake",
            job_handlers=options.job_handlers,
        )
        leading = Leading(leadership, make_controller, say)
        ending.push_async_callback(leading.stop)
        if await leading.start([], on_change=_nobody_to_tell):
            say("The controller leads; Ctrl-C stops it.")
        stopping = asyncio.Event()
        on_signals(stopping.set)
        waits = [asyncio.create_task(stopping.wait()), asyncio.create_task(leading.ended())]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        for wait in done:
            wait.result()


def _nobody_to_tell() -> None:
    """Gateways look for themselves."""


def main() -> None:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="hearth controller")
    parser.add_argument("--engine", choices=["auto", "fake"], default="auto")
    parser.add_argument("--job-handlers", default="", help="module:function with kinds of jobs.")
    options = parser.parse_args()
    try:
        settings = load_settings()
        configure(settings.log_level)
        with suppress(asyncio.CancelledError, KeyboardInterrupt):  # stopped while it started
            uvloop.run(serve(settings, options))
    except HearthError as error:
        sys.stderr.write(f"hearth: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
