"""Requests as both retrying clients send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from json import dumps
from typing import Any

from hearth.client.retries import Options

Json = Any  # Any: JSON
Body = Mapping[str, Json]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, ready to be sent any number of times."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)


def call(
    options: Options,
    endpoint: str,
    body: Json,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call:
    """The request for an endpoint, which is a path below the base URL and never leaves it."""
    return Call(
        method=method or ("GET" if body is None else "POST"),
        url=f"{options.base_url.rstrip('/')}/{endpoint.lstrip('/')}",
        headers={
            "content-type": "application/json",
            **({"authorization": f"Bearer {options.api_key}"} if options.api_key else {}),
            **{name.lower(): value for name, value in (headers or {}).items()},
        },
        content=None if body is None else dumps(body).encode(),
    )
