"""`hearth attach` and `hearth detach`: models that another server answers for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hearth.catalog import Remote

AccountOption = Annotated[
    str | None, typer.Option(help="Whose model it is; the dev account if there is one.")
]


def attach(
    model_id: Annotated[str, typer.Argument(metavar="ID", help="What the model is called here.")],
    *,
    url: Annotated[str, typer.Option(help="The server: vLLM, SGLang, Hearth, any OpenAI-style.")],
    model: Annotated[
        str | None, typer.Option(help="The server's name for it; needless where it has just one.")
    ] = None,
    api_key_env: Annotated[
        str, typer.Option(help="The environment variable that holds the server's key.")
    ] = "",
    account: AccountOption = None,
) -> None:
    """Attach a model that another server answers for, once that server says that it does."""
    import msgspec

    from hearth.catalog import Remote, Remotes
    from hearth.cli.pull import default_account
    from hearth.engines.remote.options import canonical_url
    from hearth.errors import SetupError
    from hearth.settings import load_settings

    home = load_settings().home_path
    try:
        remote = msgspec.convert(
            {
                "id": model_id,
                "account": account or default_account(home),
                "url": canonical_url(url),
                "model": model or "",
                "api_key_env": api_key_env,
                "attached": datetime.now(UTC).date(),
            },
            Remote,
        )
    except msgspec.ValidationError as error:
        raise SetupError(f"The model cannot be attached so: {error}.") from error
    remote, found = _examine(remote)
    Remotes(home).put(remote)
    typer.echo(f"{remote.name}  {remote.model} at {remote.url} ({found})")


def detach(
    model_id: Annotated[str, typer.Argument(metavar="ID", help="What the model is called here.")],
    *,
    account: AccountOption = None,
) -> None:
    """Detach a model; answers that run end as they would."""
    from hearth.catalog import Remotes
    from hearth.cli.pull import default_account
    from hearth.errors import SetupError
    from hearth.settings import load_settings

    home = load_settings().home_path
    name = f"accounts/{account or default_account(home)}/models/{model_id}"
    if not Remotes(home).remove(name):
        attached = ", ".join(remote.name for remote in Remotes(home).list()) or "none at all"
        raise SetupError(f"{name} is not attached; attached are: {attached}.")
    typer.echo(f"{name} is detached.")


def _examine(remote: Remote) -> tuple[Remote, str]:
    """Fill in what the server says of itself.

    Raises:
        SetupError: it is away, lacks the model or cannot be metered, or the key is missing.
    """
    import asyncio

    from msgspec.structs import replace

    from hearth.engines.remote.build import examine, only_model
    from hearth.engines.remote.options import read_options

    async def ask() -> tuple[Remote, str]:
        wanted = remote.model or await only_model(read_options({**remote.options, "model": "?"}))
        named = replace(remote, model=wanted)
        upstream = await examine(read_options(named.options))
        window = upstream.context_tokens or None
        shown = f"window {window}" if window else "window unknown"
        kind = " ".join(filter(None, (upstream.kind, upstream.version)))
        return replace(named, context_length=window), f"{kind}, {shown}"

    return asyncio.run(ask())
