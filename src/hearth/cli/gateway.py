"""`hearth gateway`: one more process that answers HTTP for the home and database of a Hearth.

It runs no model: replicas are those of the controller, which `hearth up` runs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

import uvloop

from hearth.app.gateway import Gateway
from hearth.app.state import open_state
from hearth.cli.serving import Serving, on_signals, say, settle_memory, stop_starting_on_signals
from hearth.errors import HearthError
from hearth.gateway.server import bind
from hearth.kit.home import make_home
from hearth.kit.log import configure
from hearth.settings import Settings, load_settings

INPUT = 0


async def serve(settings: Settings, options: argparse.Namespace) -> None:
    """Start, say so in one line, serve until a signal, drain.

    Raises:
        SetupError: the machine, the database or a setting stops us.
    """
    stop_starting_on_signals()
    if options.with_parent:
        starting = asyncio.current_task()
        assert starting is not None
        at_end_of_input(starting.cancel)
    async with AsyncExitStack() as ending:
        make_home(settings.home_path)
        db = await open_state(settings, ending, may_migrate=False)
        gateway = Gateway(settings, db, fake=options.engine == "fake")
        ending.push_async_callback(gateway.stop)
        await gateway.start()
        # Last: until it serves, the kernel gives a shared port's connections to the others.
        listener = bind(settings.host, settings.port, is_shared=options.share_port)
        serving = Serving(gateway, settings)
        on_signals(serving.stop)
        if options.with_parent:
            at_end_of_input(serving.stop)

        async def introduce() -> None:
            settle_memory()
            if not options.with_parent:
                say(_welcome(settings, gateway))

        await serving.run(listener, introduce)


def _welcome(settings: Settings, gateway: Gateway) -> str:
    reason = gateway.not_ready()
    text = f"The gateway serves at {settings.base_url}; Ctrl-C stops it."
    return text if reason is None else f"{text} Not ready yet: {reason}"


def at_end_of_input(action: Callable[[], object]) -> None:
    """Do this once standard input closes: whoever started us wants us to end, or is dead."""
    loop = asyncio.get_running_loop()

    def on_input() -> None:
        if not os.read(INPUT, 4096):
            loop.remove_reader(INPUT)
            action()

    loop.remove_reader(INPUT)
    loop.add_reader(INPUT, on_input)


def main() -> None:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="hearth gateway")
    parser.add_argument("--engine", choices=["auto", "fake"], default="auto")
    parser.add_argument("--share-port", action="store_true")
    parser.add_argument("--with-parent", action="store_true", help="End when standard input ends.")
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
