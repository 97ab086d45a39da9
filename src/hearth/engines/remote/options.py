"""What a remote engine is told: where the server is, its name for the model, where the key is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from hearth.errors import SetupError

DEFAULT_TIMEOUT_S = 120.0

_VERSION_SEGMENT = re.compile(r"v\d\w*")
_ROUTES = ("/chat/completions", "/completions", "/models")


class _Given(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str
    model: str
    api_key_env: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, kw_only=True)
class RemoteOptions:
    """Options of one remote engine, checked.

    Args:
        url: the base of the API, without a slash at its end: `https://host/v1`.
        model: the server's own name for the model.
        api_key_env: the environment variable that holds the key; empty for none.
        timeout_s: the longest silence of the server, before and during an answer.
    """

    url: str
    model: str
    api_key_env: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S
    api_key: str = field(default="", repr=False)

    @property
    def root(self) -> str:
        """The server's root, where its health and version are."""
        return re.sub(r"(/inference)?/v1$", "", self.url)

    @property
    def host(self) -> str:
        """The host's name."""
        return urlsplit(self.url).hostname or ""


def read_options(
    given: Mapping[str, str | int | float | bool], environ: Mapping[str, str] = os.environ
) -> RemoteOptions:
    """Check the options of a worker spec and fetch the key.

    Raises:
        SetupError: an option is unknown, missing or does not fit, or there is no key.
    """
    try:
        options = msgspec.convert(dict(given), _Given)
    except msgspec.ValidationError as error:
        raise SetupError(f"An option of the remote engine does not fit: {error}.") from error
    if not options.model:
        raise SetupError("The remote engine needs the server's name for the model.")
    if not options.timeout_s > 0:
        raise SetupError(f"timeout_s must be above 0, not {options.timeout_s}.")
    return RemoteOptions(
        url=canonical_url(options.url),
        model=options.model,
        api_key_env=options.api_key_env,
        timeout_s=options.timeout_s,
        api_key=_read_key(options.api_key_env, environ),
    )


def canonical_url(url: str) -> str:
    """Bring what a person pastes into one form: the base of the API, version included.

    `http://host:8000`, `http://host:8000/v1/` and `http://host:8000/v1/models` are all
    `http://host:8000/v1`. A path that has a version in it already is left as it is.

    Raises:
        SetupError: not an http URL, or it carries a key, a query or a fragment.
    """
    try:
        parts = urlsplit(url.strip())
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        has_host = False
    if not has_host or parts.scheme not in {"http", "https"}:
        raise SetupError("The URL must look like http://host:port/v1.")
    if parts.username is not None or parts.query or parts.fragment:
        raise SetupError(
            "The URL must hold no user, key or query; name the key's variable by --api-key-env."
        )
    path = parts.path.rstrip("/")
    for route in _ROUTES:
        path = path.removesuffix(route)
    if not any(_VERSION_SEGMENT.fullmatch(segment) for segment in path.split("/")):
        path += "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _read_key(variable: str, environ: Mapping[str, str]) -> str:
    if not variable:
        return ""
    key = environ.get(variable, "").strip()
    if not key:
        raise SetupError(
            f"{variable} is not set where Hearth runs; set it to the server's key, then start anew."
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SetupError(f"{variable} does not hold a key: a key is one printable ASCII word.")
    return key
