"""The process that runs jobs: started by the controller when one is queued, gone when none is left.

It ends at once when its standard input closes, so that it never outlives the controller; a line on
it makes it look for jobs. What is cut off goes on in the next process.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import NoReturn, cast

from hearth.app.model_parts import make_job_handlers
from hearth.app.state import open_state
from hearth.errors import HearthError, SetupError
from hearth.jobs import Handler
from hearth.jobs.runner import IDLE_S, Runner
from hearth.kit.db import Database
from hearth.kit.leadership import Leadership
from hearth.kit.log import configure
from hearth.settings import Settings, load_settings

log = logging.getLogger(__name__)

LOST_STATUS = 75
"As sysexits has it: it failed now, a later try may not."

HandlerMaker = Callable[[Settings, Database], Mapping[str, Handler]]


def make_handlers(settings: Settings, db: Database) -> Mapping[str, Handler]:
    """Every kind of job, each wired by hand to what it needs."""
    return {**make_job_handlers(settings, db)}


async def run(settings: Settings, make: HandlerMaker, *, idle_s: float) -> None:
    """Wait until the last runner is gone, then run jobs until there has been none for so long.

    Raises:
        SetupError: the database cannot be opened, or its schema is not ours.
        Unavailable: it went away again.
    """
    woken = asyncio.Event()
    wake = partial(asyncio.get_running_loop().call_soon_threadsafe, woken.set)
    threading.Thread(target=_watch_input, args=[wake], daemon=True).start()
    async with AsyncExitStack() as ending:
        db = await open_state(settings, ending, may_migrate=False)
        leadership = Leadership(db, settings.home_path, name="jobs")
        await leadership.acquire()
        ending.push_async_callback(leadership.release)
        runner = Runner(db, leadership, make(settings, db), give_up=_give_up)
        giving_up = asyncio.create_task(_give_up_when_lost(leadership))
        ending.callback(giving_up.cancel)
        await runner.run(woken, idle_s=idle_s)
    sys.stderr.flush()
    os._exit(0)  # DBOS's threads would take a second to end


def _watch_input(wake: Callable[[], object]) -> None:
    """A plain thread: no handler that keeps the loop busy may delay the end."""
    while os.read(0, 4096):
        wake()
    os._exit(0)


async def _give_up_when_lost(leadership: Leadership) -> None:
    await leadership.lost.wait()
    _give_up("Another process runs the jobs now.")


def _give_up(reason: str) -> NoReturn:
    log.warning("This runner of jobs ends: %s", reason)
    os._exit(LOST_STATUS)


def _load(name: str | None) -> HandlerMaker:
    if name is None:
        return make_handlers
    module, _, attribute = name.partition(":")
    try:
        return cast(HandlerMaker, getattr(importlib.import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise SetupError(
            f"--handlers {name}: {error}; it names a function, module:name."
        ) from error


def main() -> None:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="python -m hearth.app.jobs")
    parser.add_argument("--handlers", help="module:function, in place of make_handlers.")
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help="End after so long without.")
    options = parser.parse_args()
    try:
        settings = load_settings()
        configure(settings.log_level)
        asyncio.run(run(settings, _load(options.handlers), idle_s=options.idle_s))
    except HearthError as error:
        sys.stderr.write(f"hearth: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
