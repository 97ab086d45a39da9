"""HTTP as downloads need it: guarded redirects, patient retries, and the headers that matter."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from hearth.catalog.sources.address import check_url, public_url
from hearth.catalog.sources.types import Network
from hearth.errors import SetupError

MAX_TRIES = 5
"In a row without a byte gained."
MAX_REDIRECTS = 10

_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")
_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"Statuses after which another try may succeed."

T = TypeVar("T")


class CutShort(Exception):
    """The answer ended early, or the server asked to come back; another try may get further."""


def open_client(network: Network, *, token: str = "") -> httpx.Client:
    """A client that follows redirects to places that may be fetched from, and only to those.

    The token is not sent on to another host: httpx drops Authorization on such a redirect.
    """
    return httpx.Client(
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        timeout=httpx.Timeout(network.read_timeout_s, connect=network.connect_timeout_s),
        headers={"Accept-Encoding": "identity"}
        | ({"Authorization": f"Bearer {token}"} if token else {}),
        event_hooks={"request": [_check_request]},
    )


def _check_request(request: httpx.Request) -> None:
    check_url(str(request.url))


def retry(url: str, network: Network, attempt: Callable[[], T], gained: Callable[[], int]) -> T:
    """Try until it works, or until `MAX_TRIES` in a row gained nothing.

    Args:
        gained: how many bytes are safe on the disk so far.

    Raises:
        SetupError: every try failed, or the first failure was final.
    """
    tries = 0
    while True:
        before = gained()
        try:
            return attempt()
        except httpx.TooManyRedirects as error:
            raise SetupError(f"{public_url(url)} redirects without end.") from error
        except (CutShort, httpx.RequestError) as error:
            tries = 1 if gained() > before else tries + 1
            if tries >= MAX_TRIES:
                raise _unreachable(url, error) from error
            time.sleep(network.retry_wait_s * 2 ** (tries - 1))


def check_status(url: str, response: httpx.Response) -> None:
    """Turn an HTTP failure into what a person can do about it.

    Raises:
        CutShort: another try may succeed.
        SetupError: another try would fail too.
    """
    status = response.status_code
    if status in _PASSING:
        raise CutShort(f"it answers {status}")
    if status in (401, 403):
        raise SetupError(
            f"{public_url(url)} answers {status}: accept the model's terms at its page and set "
            "HF_TOKEN, or check that the URL is public."
        )
    if status == 404:
        raise SetupError(f"{public_url(url)} is not there; check the spelling.")
    if status not in (200, 206):
        raise SetupError(f"{public_url(url)} answers {status}, which is not a file.")


def validator(response: httpx.Response) -> str:
    """What If-Range may carry (RFC 9110 section 13.1.5): a strong ETag, else the date."""
    if _is_encoded(response):
        return ""
    etag: str = response.headers.get("etag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return "" if etag else response.headers.get("last-modified", "")


def total_bytes(response: httpx.Response, have: int) -> int | None:
    """The size of the whole file, when the answer brings what follows the first `have` bytes."""
    length = response.headers.get("content-length", "")
    return have + int(length) if length.isdecimal() and not _is_encoded(response) else None


def range_start(response: httpx.Response) -> int | None:
    """Where the bytes of a 206 begin."""
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    return int(found.group(1)) if found and found.group(1) else None


def range_total(response: httpx.Response) -> int | None:
    """The size of the whole file as Content-Range states it."""
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    return int(found.group(2)) if found else None


def announced_sha256(response: httpx.Response) -> str | None:
    """The hub's `X-Linked-ETag`, set before it redirects: for large files, their sha256."""
    for answer in (*response.history, response):
        if found := _SHA256.fullmatch(answer.headers.get("x-linked-etag", "")):
            return found.group(1)
    return None


def _is_encoded(response: httpx.Response) -> bool:
    """Whether the body is compressed in spite of our asking; its length is then not the file's."""
    return bool(response.headers.get("content-encoding", "identity") != "identity")


def _unreachable(url: str, error: Exception) -> SetupError:
    reason = str(error) or type(error).__name__
    return SetupError(
        f"{public_url(url)} could not be fetched ({reason}): check the network and pull again, "
        "which resumes."
    )
