"""`hearth env`: point any client at this platform."""

from __future__ import annotations

import shlex

import typer

from hearth.accounts import read_credentials
from hearth.errors import SetupError
from hearth.settings import load_settings


def print_env() -> None:
    """Print one export for each variable that a known client reads.

    Raises:
        SetupError: there is no dev key yet.
    """
    home = load_settings().home_path
    credentials = read_credentials(home)
    if credentials is None:
        raise SetupError(f"There is no key in {home} yet; run `hearth up` once.")
    root = credentials.base_url.rstrip("/")
    values = {
        "FIREWORKS_API_KEY": credentials.api_key,
        "FIREWORKS_ACCOUNT_ID": credentials.account_id,
        "FIREWORKS_BASE_URL": root,
        "FIREWORKS_API_BASE": f"{root}/inference/v1",
        "OPENAI_API_KEY": credentials.api_key,
        "OPENAI_BASE_URL": f"{root}/inference/v1",
    }
    for name, value in values.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
