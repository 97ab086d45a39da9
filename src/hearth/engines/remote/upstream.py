"""Finding out what stands behind a URL, and whether it still does."""

from __future__ import annotations

from hashlib import sha256

import aiohttp
import msgspec
from msgspec import Struct

from hearth.engines.protocol import GenerateRequest
from hearth.engines.remote.features import feature_fields, message_entries
from hearth.engines.remote.http import Http
from hearth.engines.remote.kinds import HEALTH_PATHS, Kind
from hearth.engines.remote.options import RemoteOptions
from hearth.errors import SetupError

_NAMED_AT_MOST = 20
_OWNERS = {"vllm": Kind.VLLM, "sglang": Kind.SGLANG}


class ListedModel(Struct, frozen=True):
    """An entry of `GET /models`, as far as kinds of server differ in it."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None
    "The window, as vLLM and SGLang call it."
    context_length: int | None = None
    "The window, as Hearth and Fireworks call it."
    root: str | None = None
    "The weights behind the name, where vLLM and SGLang say it."
    served_by: str | None = None
    callable: bool | None = None


class Upstream(Struct, frozen=True, kw_only=True):
    """What a server said of itself and of the model."""

    kind: Kind
    version: str
    model: str
    weights: str
    context_tokens: int
    "0 where the server does not say."

    @property
    def fingerprint(self) -> str:
        """Changes when the server's kind or version, or what it serves, does."""
        digest = sha256(msgspec.json.encode(self)).hexdigest()[:12]
        return f"{self.kind}-{self.version}-{digest}" if self.version else f"{self.kind}-{digest}"


class _Models(Struct, frozen=True):
    data: list[ListedModel]


class _Version(Struct, frozen=True):
    version: str = ""


class _Count(Struct, frozen=True):
    count: int


_models = msgspec.json.Decoder(_Models)
_version = msgspec.json.Decoder(_Version)
_count = msgspec.json.Decoder(_Count)


async def describe(http: Http, options: RemoteOptions) -> Upstream:
    """Ask a server what it is and whether it has the model.

    Raises:
        SetupError: it does not answer, refuses the key, or does not have the model.
    """
    listed = find_model(await list_models(http, options), options)
    kind = kind_of(listed)
    await _check_health(http, options, kind)
    return Upstream(
        kind=kind,
        version=await _vllm_version(http, options) if kind is Kind.VLLM else "",
        model=listed.id,
        weights=listed.root or listed.served_by or "",
        context_tokens=listed.max_model_len or listed.context_length or 0,
    )


async def check(http: Http, options: RemoteOptions, upstream: Upstream) -> None:
    """Check that the server is well and still has the model.

    Raises:
        SetupError: it is not, or does not.
    """
    await _check_health(http, options, upstream.kind)
    find_model(await list_models(http, options), options)


async def list_models(http: Http, options: RemoteOptions) -> list[ListedModel] | None:
    """The models a server lists; None where it has no list.

    Raises:
        SetupError: it does not answer, or not as an OpenAI-style server does.
    """
    status, body = await _get(http, options, f"{options.url}/models")
    if status in {401, 403}:
        key = f"the key in {options.api_key_env}" if options.api_key else "requests without a key"
        raise SetupError(f"{options.url} refuses {key}; name a good key's variable.")
    if status in {404, 405, 501}:
        return None
    try:
        if status == 200:
            return _models.decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    raise SetupError(
        f"{options.url}/models does not answer as an OpenAI-style server does (status {status})."
    )


def find_model(listed: list[ListedModel] | None, options: RemoteOptions) -> ListedModel:
    """The wanted model among those listed; a server without a list is believed to have it.

    Raises:
        SetupError: it is not there, naming what is.
    """
    if listed is None:
        return ListedModel(options.model)
    for model in listed:
        is_same = model.id == options.model or (
            kind_of(model) is Kind.HEARTH and model.id.endswith(f"/models/{options.model}")
        )
        if is_same and model.callable is False:
            raise SetupError(f"{options.url} lists {model.id} but cannot serve it now.")
        if is_same:
            return model
    names = [model.id for model in listed]
    shown = ", ".join(names[:_NAMED_AT_MOST]) or "none at all"
    more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
    raise SetupError(f"{options.url} has no model {options.model}; it has {shown}{more}.")


def kind_of(model: ListedModel) -> Kind:
    """The kind of server, as an entry of its list gives it away."""
    if model.served_by is not None or model.callable is not None:
        return Kind.HEARTH
    return _OWNERS.get(model.owned_by or "", Kind.OPENAI)


async def count_prompt(
    http: Http, options: RemoteOptions, request: GenerateRequest, model: str
) -> int | None:
    """Tokens of a prompt, from the `/tokenize` that vLLM and SGLang have; None without it."""
    if isinstance(request.prompt, list):
        return len(request.prompt)
    body: dict[str, object] = {"model": model}
    if request.messages is None:
        body["prompt"] = request.prompt
    else:
        body["messages"] = message_entries(request.messages)
        if request.tool_use is not None:
            body |= feature_fields(GenerateRequest(seed=0, tool_use=request.tool_use), Kind.VLLM)
    try:
        status, answer = await http.post(f"{options.root}/tokenize", msgspec.json.encode(body))
        return _count.decode(answer).count if status == 200 else None
    except (aiohttp.ClientError, OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _check_health(http: Http, options: RemoteOptions, kind: Kind) -> None:
    path = HEALTH_PATHS.get(kind)
    if path is None:
        return
    status, _ = await _get(http, options, options.root + path)
    if status not in {200, 404}:  # some proxies pass only the API on
        raise SetupError(f"{options.root}{path} says that the server is not well ({status}).")


async def _vllm_version(http: Http, options: RemoteOptions) -> str:
    status, body = await _get(http, options, f"{options.root}/version")
    try:
        return _version.decode(body).version if status == 200 else ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


async def _get(http: Http, options: RemoteOptions, url: str) -> tuple[int, bytes]:
    try:
        status, body = await http.get(url)
    except (aiohttp.ClientError, OSError) as error:
        raise SetupError(
            f"{options.url} does not answer ({type(error).__name__}); is the server running?"
        ) from error
    if status >= 500 and status != 501:
        raise SetupError(f"{url} answers with status {status}.")
    return status, body
