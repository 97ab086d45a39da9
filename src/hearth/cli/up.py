"""`hearth up`: everything on this machine, until Ctrl-C.

Run as a process image of its own, without the command line's modules: the server stays small.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import subprocess
import sys
from contextlib import suppress
from time import perf_counter

import uvloop

from hearth.app import Hearth
from hearth.catalog import Holdings, ModelStore, Remotes
from hearth.cli.serving import Serving, on_signals, say, settle_memory, stop_starting_on_signals
from hearth.cli.siblings import Siblings
from hearth.errors import HearthError, SetupError, Unavailable
from hearth.gateway.server import bind
from hearth.kit.home import make_home
from hearth.kit.log import configure
from hearth.kit.processes import run_module
from hearth.settings import Settings, load_settings

SUPERVISOR = "hearth.engines.supervisor"
ENDING_S = 15.0  # what a gateway may take for its end besides draining


async def serve(settings: Settings, *, fake: bool, num_gateways: int) -> None:
    """Start, show one real answer, serve until a signal, drain.

    Raises:
        SetupError: the machine or a setting stops us.
    """
    started_s = perf_counter()
    listener = bind(settings.host, settings.port)
    if num_gateways > 1:
        listener.close()  # nobody else has the port; from now on others of ours may
        listener = bind(settings.host, settings.port, is_shared=True)
    hearth = Hearth(settings, fake=fake)
    siblings = Siblings(["--engine", "fake" if fake else "auto"], num=num_gateways - 1)
    stop_starting_on_signals()
    try:
        await hearth.start()
        serving = Serving(hearth.gateway, settings)

        def stop() -> None:
            serving.stop()
            siblings.stop()

        on_signals(stop)
        siblings.start()
        try:
            await serving.run(listener, lambda: _introduce(hearth, settings, started_s))
        finally:
            await siblings.ended(settings.drain_timeout_s + ENDING_S)
    finally:
        await hearth.stop()


async def _introduce(hearth: Hearth, settings: Settings, started_s: float) -> None:
    """Wait until requests can be served, say so, and show that they are.

    Raises:
        SetupError: the default model cannot be started.
    """
    try:
        await hearth.gateway.fleet.wait_for(hearth.default_route, None)
    except Unavailable as error:
        raise SetupError(error.message) from error
    logging.getLogger(SUPERVISOR).setLevel(logging.NOTSET)
    settle_memory()
    say(f"Hearth is ready at {settings.base_url} after {perf_counter() - started_s:.1f} s.")
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
    parser.add_argument("--gateways", type=int, default=1)
    options = parser.parse_args()
    fake = options.engine == "fake"
    try:
        settings = load_settings()
        configure(settings.log_level)
        logging.getLogger(SUPERVISOR).setLevel(logging.ERROR)  # a failed start has its own line
        with suppress(asyncio.CancelledError, KeyboardInterrupt):  # stopped while it started
            if not fake:
                pull_default(settings)
            uvloop.run(serve(settings, fake=fake, num_gateways=options.gateways))
    except HearthError as error:
        sys.stderr.write(f"hearth: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
