"""`hearth settings`: what can be set, and to what it is set now."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from hearth.settings import PREFIX, describe_settings, load_settings


def print_settings() -> None:
    """Print a table of all settings."""
    current = load_settings()
    table = Table("Variable", "Value", "Meaning", box=None, header_style="bold")
    for name, meaning in describe_settings().items():
        value = str(getattr(current, name))
        is_secret = name == "secret_key" or ("://" in value and "@" in value)
        shown = "[REDACTED]" if value and is_secret else value
        table.add_row(PREFIX + name.upper(), shown or "-", meaning)
    Console(width=None if typer.get_text_stream("stdout").isatty() else 160).print(table)
