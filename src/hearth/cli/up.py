"""`hearth up`: everything on this machine, until Ctrl-C.

Run as a process image of its own, without the command line's modules: the server stays small.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import subprocess
import sys
from contextlib import suppress
from time import perf_counter

import uvicorn
import uvloop

from hearth.app import Hearth
from hearth.catalog import Holdings, ModelStore, Remotes
from hearth.errors import HearthError, SetupError, Unavailable
from hearth.gateway.server import bind, make_server
from hearth.kit.home import make_home
from hearth.kit.log import configure
from hearth.kit.processes import run_module
from hearth.settings import Settings, load_settings

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SUPERVISOR = "hearth.engines.supervisor"


async def serve(settings: Settings, *, fake: bool) -> None:
    """Start, show one real answer, serve until a signal, drain.

    Raises:
        SetupError: the machine or a setting stops us.
    """
    started_s = perf_counter()
    listener = bind(settings.host, settings.port)
    hearth = Hearth(settings, fake=fake)
    stop_starting_on_signals()
    try:
        await hearth.start()
        server = make_server(
            hearth.gateway.dispatcher,
            body_timeout_s=settings.body_timeout_s,
            drain_timeout_s=settings.drain_timeout_s,
        )
        serving = asyncio.create_task(server.serve([listener]), name="server")
        stop_on_signals(server)
        introducing = asyncio.create_task(_introduce(hearth, settings, started_s))
        try:
            await asyncio.wait({serving, introducing}, return_when=asyncio.FIRST_COMPLETED)
            failure = introducing.exception() if introducing.done() else None
            if failure is not None and not server.should_exit:
                raise failure
            await serving
        finally:
            introducing.cancel()
            server.should_exit = True
            await serving
    finally:
        await hearth.stop()


def stop_starting_on_signals() -> None:
    """Give up what the current task does at a signal; what it has started, it ends."""
    starting = asyncio.current_task()
    assert starting is not None
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, starting.cancel)


def stop_on_signals(server: uvicorn.Server) -> None:
    """Drain on the first signal, cut what still runs on the second."""
    is_draining = False

    def on_signal() -> None:
        nonlocal is_draining
        server.force_exit = is_draining
        if is_draining:  # uvicorn alone would go on waiting for the connections
            for connection in list(server.server_state.connections):
                connection.transport.abort()
        is_draining = server.should_exit = True

    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, on_signal)


async def _introduce(hearth: Hearth, settings: Settings, started_s: float) -> None:
    """Wait until requests can be served, say so, and show that they are.

    Raises:
        SetupError: the default model cannot be started.
    """
    try:
        await hearth.gateway.fleet.wait_for(hearth.default_model, None)
    except Unavailable as error:
        raise SetupError(error.message) from error
    logging.getLogger(SUPERVISOR).setLevel(logging.NOTSET)
    gc.collect()
    gc.freeze()  # what the start made stays; no collection need look at it again
    gc.set_threshold(20_000, 20, 50)  # requests leave no cycles behind; look for them less often
    base_url = f"http://{settings.host}:{settings.port}"
    say(f"Hearth is ready at {base_url} after {perf_counter() - started_s:.1f} s.")
    if hearth.credentials is None:
        say("Profile production has no key of its own; make one with `hearth keys create`.")
        return
    arguments = (str(hearth.home), settings.default_model)
    if await run_module("hearth.cli.first_answer", *arguments) != 0:
        raise SetupError("The first answer failed; see above.")
    if not hearth.is_fake:
        await _prefetch(settings)


async def _prefetch(settings: Settings) -> None:
    """Fetch what answers for more than text, while the first requests are served already."""
    home = settings.home_path
    for model in filter(None, settings.prefetch_models.split(",")):
        if Holdings(ModelStore(home), Remotes(home)).find(model) is not None:
            continue
        if await run_module("hearth.cli.main", "pull", model, is_silent=True) == 0:
            say(f"Fetched {model}, too.")
        else:
            say(f"{model} could not be fetched; `hearth pull {model}` says why.")


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def pull_default(settings: Settings) -> None:
    """Fetch the default model if it is not here, in a process of its own with a progress bar.

    Raises:
        SetupError: it could not be fetched; the reason has been printed.
    """
    home = make_home(settings.home_path)
    if Holdings(ModelStore(home), Remotes(home)).find(settings.default_model) is not None:
        return
    command = [sys.executable, "-m", "hearth.cli.main", "pull", settings.default_model]
    status = subprocess.run(command, check=False).returncode
    if status != 0:
        sys.exit(status)


def main() -> None:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="hearth up")
    parser.add_argument("--engine", choices=["auto", "fake"], default="auto")
    fake = parser.parse_args().engine == "fake"
    try:
        settings = load_settings()
        configure(settings.log_level)
        for chatty in ("uvicorn", "alembic"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        logging.getLogger(SUPERVISOR).setLevel(logging.ERROR)  # a failed start has its own line
        with suppress(asyncio.CancelledError, KeyboardInterrupt):  # stopped while it started
            if not fake:
                pull_default(settings)
            uvloop.run(serve(settings, fake=fake))
    except HearthError as error:
        sys.stderr.write(f"hearth: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
