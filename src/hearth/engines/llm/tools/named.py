"""Calls whose name stands before their arguments, outside of any JSON."""

from __future__ import annotations

import re

from hearth.engines.llm.tools.calls import Calls
from hearth.engines.llm.tools.json_text import read_value
from hearth.engines.llm.tools.source import Reading, Source

NAME = re.compile(r"[A-Za-z0-9_.\-]*")


def read_named(source: Source, calls: Calls, name: str) -> Reading[bool]:
    """Read the arguments of a call whose name was read; True where the call has begun."""
    yield from source.spaces()
    if not calls.knows(name) or (yield from source.peek()) != "{":
        return False
    source.forget()
    calls.begin(name)
    yield from read_value(source, calls.arguments)
    return True
