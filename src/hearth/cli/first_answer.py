"""One real chat completion through the platform's own HTTP API, shown as it streams.

Run by `hearth up` as a process of its own, so that the server does not carry an HTTP client. It
knows the platform only as any client does: by the credentials file.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from hearth.accounts import Credentials, read_credentials
from hearth.errors import SetupError

QUESTION = "In one sentence, what is a hearth?"
MAX_TOKENS = 48
LIMIT_S = 60.0


class FirstAnswer(Struct, frozen=True, kw_only=True):
    """What the completion told."""

    completion_tokens: int
    duration_s: float
    "From the first token to the last."
    served_by: str


def ask(credentials: Credentials, model: str) -> FirstAnswer:
    """Ask, print the answer as it comes, and return its figures.

    Raises:
        SetupError: the platform did not answer as it must.
    """
    body = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
        "stream": True,
    }
    connection = _connect(credentials.base_url)
    headers = {
        "Authorization": f"Bearer {credentials.api_key}",
        "Content-Type": "application/json",
    }
    try:
        connection.request(
            "POST", "/inference/v1/chat/completions", json.dumps(body).encode(), headers
        )
        response = connection.getresponse()
        if response.status != 200:
            raise SetupError(f"The first answer failed: {response.read().decode()[:500]}")
        return _show(response)
    except OSError as error:
        raise SetupError(f"The first answer failed: {error}.") from error
    finally:
        connection.close()


def _connect(base_url: str) -> http.client.HTTPConnection:
    place = urlsplit(base_url)
    if place.scheme != "https":
        return http.client.HTTPConnection(place.hostname or "", place.port, timeout=LIMIT_S)
    # We know whom we started. Its certificate is for the name that others call it by.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(
        place.hostname or "", place.port, timeout=LIMIT_S, context=context
    )


def _show(response: http.client.HTTPResponse) -> FirstAnswer:
    first_s: float | None = None
    usage: dict[str, Any] = {}  # Any: a JSON object
    sys.stdout.write(f"\n  > {QUESTION}\n  ")
    for line in response:
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line.removeprefix(b"data: "))
        if "error" in event:
            raise SetupError(f"The first answer broke: {event['error']['message']}")
        text = event["choices"][0]["delta"].get("content")
        if text:
            first_s = first_s or perf_counter()
            sys.stdout.write(text.replace("\n", "\n  "))
            sys.stdout.flush()
        usage = event.get("usage") or usage
    sys.stdout.write("\n\n")
    return FirstAnswer(
        completion_tokens=usage.get("completion_tokens", 0),
        duration_s=perf_counter() - (first_s or perf_counter()),
        served_by=response.headers.get("x-hearth-served-by", ""),
    )


def welcome(answer: FirstAnswer, credentials: Credentials, model: str) -> str:
    """What to know and to paste next."""
    speed = (answer.completion_tokens - 1) / max(answer.duration_s, 1e-9)
    key, base_url = credentials.api_key, credentials.base_url
    return f"""\
{answer.completion_tokens} tokens at {speed:.0f} tokens/s, served by {answer.served_by}.

  Key   {key}
  Env   eval $(hearth env)
  Try   curl {base_url}/inference/v1/chat/completions \\
          -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
          -d '{{"model": "{model}",
               "messages": [{{"role": "user", "content": "Say hello."}}], "max_tokens": 64}}'

Ctrl-C stops it.
"""


def main() -> None:
    """Entry of the process; its arguments are the home folder and the model."""
    home, model = sys.argv[1:]
    credentials = read_credentials(Path(home))
    try:
        if credentials is None:
            raise SetupError(f"There are no credentials in {home}.")
        sys.stdout.write(welcome(ask(credentials, model), credentials, model))
    except SetupError as error:
        sys.stderr.write(f"hearth: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
