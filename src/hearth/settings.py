"""All configuration: one typed object, read once from HEARTH_* variables by the entry point.

Services never see `Settings`; the composition root passes them values.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from hearth.errors import SetupError

PREFIX = "HEARTH_"
_REMEDY = "`hearth settings` lists them all."

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting, with its default; the line below each says what it does."""

    home: str = "~/.hearth"
    "Where state, models, the usage journal and the dev key live."
    host: str = "127.0.0.1"
    "The address the gateway listens on."
    port: Annotated[int, Meta(ge=1, le=65535)] = 8686
    "The port the gateway listens on."
    tls_cert: str = ""
    "A PEM file with the certificate and its chain; with it and `tls_key`, gateways speak TLS."
    tls_key: str = ""
    "The PEM file with the certificate's private key."
    trusted_proxies: str = ""
    "Networks, separated by commas, of proxies whose X-Forwarded-For and Forwarded are believed."
    private_domain: str = "hearth.internal"
    "Private deployments are reached at the host `deployment.account.private.` and this."
    private_ports: Annotated[str, Meta(pattern=r"^(\d{1,5}-\d{1,5})?\Z")] = ""
    "`START-END`: ports of which each private deployment gets one of its own; empty: none does."
    profile: Literal["dev", "production"] = "dev"
    "`dev` makes an account and key and serves stand-ins, labelled; `production` does neither."
    database_url: str = ""
    "SQLAlchemy URL of the state; empty means SQLite in the home folder."
    objects_url: str = ""
    "Where objects are kept: `file:///folder` or `s3://bucket/prefix`; empty means the home folder."
    secret_key: str = ""
    "Keys that seal secrets: 32 bytes in base64, the newest first; empty means `secret.key`."
    public_url: str = ""
    "How clients reach this server, such as `https://hearth.example`; empty: as they just did."
    default_model: str = "accounts/fireworks/models/smollm2-135m-instruct"
    "The chat model that `hearth up` fetches and starts, and that stands in for others in `dev`."
    prefetch_models: str = "accounts/fireworks/models/all-minilm-l6-v2"
    "Models, separated by commas, that `hearth up` fetches once it serves, in profile `dev`."
    inventory: str = ""
    "A file of regions and accelerators in place of the 18 emulated regions; see placement.md."
    engine_threads: Annotated[int, Meta(ge=0)] = 0
    "Threads of each engine; 0 is all cores, and all but one while it works on one sequence."
    engine_slots: Annotated[int, Meta(ge=0)] = 0
    "How many sequences an engine works on at once; 0: 32 of `native`, 16 of others."
    text_engine: Literal["auto", "native", "llamacpp"] = "auto"
    "What runs models of text that several engines can run; `auto`: `native`, once installed."
    engine_context_tokens: Count = 2048
    "Context window per sequence; a model's own window, where smaller, wins."
    engine_start_timeout_s: Seconds = 120.0
    "How long a worker may take from spawn to ready."
    max_body_bytes: Count = 32 * 1024 * 1024
    "A larger request body is refused with 413."
    body_timeout_s: Seconds = 30.0
    "A body that has not arrived by then is refused with 408."
    max_queued_requests: Count = 1024
    "Per replica; beyond it the gateway answers 503 rather than letting a queue grow."
    request_timeout_s: Seconds = 600.0
    "The longest a generation may run before it is cut."
    response_cache_bytes: Annotated[int, Meta(ge=0)] = 64 * 1024 * 1024
    "Memory for answers that requests with `response_cache` may repeat; 0 keeps none."
    strict_fields: bool = False
    "Refuse unknown request fields with 400 instead of naming them in `x-ignored-fields`."
    journal_mode: Literal["write", "fsync"] = "write"
    "`write` survives a killed process; `fsync` also survives power loss and costs a disk flush."
    drain_timeout_s: Seconds = 30.0
    "How long running requests may finish after Ctrl-C before they are cut."
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    "The least severe log line written."
    metrics_accounts: Annotated[int, Meta(ge=0, le=1000)] = 0
    "How many accounts `/metrics`, which needs no key, names with how full their budgets are."
    log_requests: bool = False
    "Log every inference request and answer, bodies included, with keys shown as [REDACTED]."

    @property
    def home_path(self) -> Path:
        """The home folder, with `~` expanded."""
        return Path(self.home).expanduser()

    @property
    def base_url(self) -> str:
        """Where clients of this machine reach the gateway."""
        scheme = "https" if self.tls_cert else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    @property
    def state_url(self) -> str:
        """The database, wherever it is."""
        return self.database_url or f"sqlite:///{self.home_path / 'state.db'}"


def describe_settings() -> dict[str, str]:
    """The text below each field, by the field's name; parsed from this file's own source."""
    return texts_below(Path(__file__).read_text("utf-8"), Settings.__name__)


def texts_below(source: str, class_name: str) -> dict[str, str]:
    """The text below each field of a class, by the field's name."""
    (found,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == class_name
    )
    return {
        field.target.id: text.value.value
        for field, text in pairwise(found.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }  # fmt: skip


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Raises:
        SetupError: a HEARTH_* variable names no setting, or its value does not fit.
    """
    environ = os.environ if environ is None else environ
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    known = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    if unknown := sorted(given.keys() - known.keys()):
        raise SetupError(f"No such setting: {', '.join(unknown)}. {_REMEDY}")
    values = {known[name]: value for name, value in given.items()}
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SetupError(f"A setting does not fit: {error}. {_REMEDY}") from error
