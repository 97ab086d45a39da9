"""One HTTP request and its answer, over the standard library: it starts in a third of the time
that the larger clients need, and honours the proxies of the environment.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

from hearth import __version__
from hearth.firectl.failures import Failure, Refused

TIMEOUT_S = 60.0  # creating large resources may take the server a while
_TRIES = 3
_MAX_PAUSE_S = 10.0  # a person waits; whoever is told to come back later is told so instead
_BUSY = {429, 502, 503}
_INCOMPLETE = 308

Object = dict[str, Any]  # Any: a JSON object


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be sent; `path` begins with `/v1` and is quoted already."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)  # Any: text, numbers, switches, lists
    body: Object | None = None
    etag: str = ""
    "Refuse where the resource is another version by now (RFC 9110, If-Match)."

    def target(self) -> str:
        """The path with its query."""
        pairs = [
            (name, _text(value))
            for name, given in self.query.items()
            for value in (given if isinstance(given, list) else [given])
        ]
        return self.path + ("?" + urlencode(pairs) if pairs else "")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    body: Object
    headers: HTTPMessage


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow nothing: a key must not travel to where an answer points."""

    def redirect_request(self, *_: object) -> None:
        return None


def opener_for(url: str) -> urllib.request.OpenerDirector:
    """What opens addresses of a host; this machine is never asked through a proxy."""
    host = urlsplit(url).hostname or ""
    is_here = host in ("localhost", "::1") or host.startswith("127.")
    proxies = [urllib.request.ProxyHandler({})] if is_here else []
    return urllib.request.build_opener(_Stay, *proxies)


class Http:
    """Sends requests to one server with one key."""

    def __init__(self, base_url: str, api_key: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._base_url = base_url
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._opener = opener_for(base_url)

    def send(self, request: Request) -> Answer:
        """Send a request; a read is tried again while the server is busy.

        Raises:
            Refused: the server answered with an error.
            Failure: it cannot be reached or what came back is no answer.
        """
        tries = _TRIES if request.method == "GET" else 1
        for left in range(tries - 1, -1, -1):
            try:
                return self._once(request)
            except urllib.error.HTTPError as error:
                with error:
                    pause_s = _pause_s(error) if left and error.code in _BUSY else None
                    if pause_s is None:
                        raise refusal(error.code, error.read()) from None
                time.sleep(pause_s)
            except (OSError, HTTPException) as error:
                raise self._unreached(error) from error
        raise AssertionError("the last try returns or raises")

    def _once(self, request: Request) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": f"firectl/{__version__}"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        if request.etag:
            headers["If-Match"] = request.etag
        data = None
        if request.body is not None:
            data = json.dumps(request.body).encode()
            headers["Content-Type"] = "application/json"
        sent = urllib.request.Request(  # noqa: S310  # host_root lets only http and https through
            self._base_url + request.target(), data=data, headers=headers, method=request.method
        )
        response: HTTPResponse
        with self._opener.open(sent, timeout=self._timeout_s) as response:
            return Answer(body=self._decode(response), headers=response.headers)

    def _decode(self, response: HTTPResponse) -> Object:
        raw = response.read()
        if "json" not in response.headers.get("Content-Type", "json"):
            return {"text": raw.decode(errors="replace")}
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Failure(
                f"{self._base_url} answers, but not as the Fireworks API does; check --base-url."
            )
        return body

    def _unreached(self, error: Exception) -> Failure:
        reason = getattr(error, "reason", error)
        words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        return Failure(
            f"Cannot reach {self._base_url}: {words}. Is it up? Another address: --base-url or "
            "FIREWORKS_BASE_URL."
        )


def put_file(url: str, file: IO[bytes], size_bytes: int, *, offset_bytes: int = -1) -> None:
    """Upload to a signed address, without the key.

    Args:
        url: the address.
        file: what to send, from where it stands.
        size_bytes: of the whole file.
        offset_bytes: where it stands, in an upload that can be taken up again; -1 in others.

    Raises:
        Refused: the store answered with an error.
        Failure: it cannot be reached.
    """
    headers = {"Content-Type": "application/octet-stream"}
    if offset_bytes < 0:
        headers["x-goog-content-length-range"] = f"{size_bytes},{size_bytes}"
    else:
        headers["Content-Range"] = f"bytes {offset_bytes}-{size_bytes - 1}/{size_bytes}"
    headers["Content-Length"] = str(size_bytes - max(0, offset_bytes))
    request = urllib.request.Request(  # noqa: S310  # signed_address has looked at the scheme
        signed_address(url), data=file, headers=headers, method="PUT"
    )
    with _opened(request) as response:
        response.read()


def uploaded_bytes(url: str, size_bytes: int) -> int:
    """How much of a file a resumable upload has already; 0 where the store does not say.

    https://cloud.google.com/storage/docs/performing-resumable-uploads#status-check
    """
    headers = {"Content-Range": f"bytes */{size_bytes}", "Content-Length": "0"}
    request = urllib.request.Request(  # noqa: S310  # signed_address has looked at the scheme
        signed_address(url), data=b"", headers=headers, method="PUT"
    )
    try:
        with opener_for(url).open(request, timeout=TIMEOUT_S):
            return size_bytes
    except urllib.error.HTTPError as error:
        with error:
            last = (error.headers.get("Range") or "").rpartition("-")[2]
            return int(last) + 1 if error.code == _INCOMPLETE and last.isdecimal() else 0
    except (OSError, HTTPException):
        return 0  # the upload itself will say what is wrong


def get_file(url: str, *, offset_bytes: int = 0) -> HTTPResponse:
    """Open a signed address for reading, from an offset if the store can; without the key.

    Raises:
        Refused: the store answered with an error.
        Failure: it cannot be reached.
    """
    headers = {"Range": f"bytes={offset_bytes}-"} if offset_bytes else {}
    request = urllib.request.Request(  # noqa: S310  # signed_address has looked at the scheme
        signed_address(url), headers=headers
    )
    return _opened(request)


def signed_address(url: str) -> str:
    """A signed address, if it is one of the web.

    Raises:
        Failure: it leads elsewhere.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise Failure(f"The server gave an address that is not http(s): {url[:60]!r}.")
    return url


def _opened(request: urllib.request.Request) -> HTTPResponse:
    try:
        response: HTTPResponse = opener_for(request.full_url).open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        with error:
            raise refusal(error.code, error.read()) from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise Failure(f"The transfer broke off: {reason}. Run the command again.") from error
    return response


def refusal(status: int, raw: bytes) -> Refused:
    """Read an error in any of the shapes that the API's servers give it."""
    try:
        body = json.loads(raw)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    inner = body.get("error")
    inner = inner if isinstance(inner, dict) else {"message": inner or ""}
    if status == 404 and inner.get("type") == "error":  # the path, not what it should lead to
        status, body = 501, {"message": f"{inner.get('message')}; this server does not offer it."}
    message = str(body.get("message") or inner.get("message") or f"HTTP status {status}.")
    details = body.get("details")
    details = details if isinstance(details, list) else []
    reasons = [
        str(each["reason"]) for each in details if isinstance(each, dict) and each.get("reason")
    ]
    told = [reason for reason in reasons if " " in reason and "\n" not in reason]
    message = " ".join([message, *told])
    drawn = [line for reason in reasons if "\n" in reason for line in reason.splitlines()]
    return Refused(
        " ".join(message.split()),
        status=status,
        param=str(inner.get("param") or ""),
        details=tuple(details),
        below=tuple(f"  {line}" for line in drawn),
    )


def _pause_s(error: urllib.error.HTTPError) -> float | None:
    """How long to wait before the next try; None: longer than anybody wants."""
    try:
        pause_s = float(error.headers.get("Retry-After") or 1)
    except ValueError:
        pause_s = 1.0
    return pause_s if pause_s <= _MAX_PAUSE_S else None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def quoted(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")
