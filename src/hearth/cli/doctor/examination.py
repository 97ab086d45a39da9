"""Everything that the doctor looks at, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from hearth.cli.doctor import machine, network, software, state
from hearth.cli.doctor.findings import Finding
from hearth.settings import Settings

Found = Finding | list[Finding]


async def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which a person asks."""
    home = settings.home_path
    threaded = asyncio.to_thread
    looks: list[Awaitable[Found]] = [
        threaded(machine.cores),
        threaded(machine.memory),
        threaded(machine.disk, home),
        threaded(machine.open_files),
        threaded(machine.clock),
        threaded(machine.localhost),
        threaded(software.python),
        threaded(software.libraries),
        threaded(software.gpus),
        threaded(software.sandbox),
        threaded(state.home, home),
        state.database(settings),
        state.objects(settings),
        threaded(state.sealing_keys, settings),
        threaded(state.models, settings),
        threaded(_port, settings),
        threaded(network.tls, settings.tls_cert, settings.tls_key),
    ]
    found = await asyncio.gather(*looks)
    return [each for some in found for each in (some if isinstance(some, list) else [some])]


def _port(settings: Settings) -> Finding:
    holder = state.lock_holder(settings.home_path)
    return network.port(settings.host, settings.port, holder)
