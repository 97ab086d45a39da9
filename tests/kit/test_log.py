"""Logs: no key ever appears in a line, whatever way it got there."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from hearth.kit.log import configure

KEY = "fw_Abc123-def_456ghijklmnop"
OTHER = "sk-live.0123+456/789="
log = logging.getLogger("hearth.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.level
    stream = io.StringIO()
    configure("debug", stream=stream)
    yield stream
    configure("warning", stream=io.StringIO())
    root.setLevel(before)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("key", [KEY, OTHER])
@pytest.mark.parametrize(
    "form",
    [
        "Authorization: Bearer {}",
        "authorization: bearer {}",
        "Authorization: {}",
        "x-api-key: {}",
        "X-API-Key={} and more",
        "{{'authorization': 'Bearer {}'}}",
        '{{"x-api-key": "{}"}}',
        "[(b'authorization', b'Bearer {}'), (b'accept', b'*/*')]",
        "[(b'x-api-key', b'{}')]",
        "wss://host/v1/audio?model=m&Authorization={}&x=1",
        "sent Bearer {} upstream",
    ],
)
def test_a_key_is_redacted_in_every_form_headers_are_printed(
    stream: io.StringIO, form: str, key: str
) -> None:
    log.warning("Got %s", form.format(key))

    written = stream.getvalue()
    assert key not in written
    assert "[REDACTED]" in json.loads(written)["message"]


def test_a_key_of_ours_is_redacted_wherever_it_stands(stream: io.StringIO) -> None:
    try:
        raise ValueError(f"no such key {KEY}")
    except ValueError:
        log.exception("Failed for %s", {"key": KEY}, extra={"given": [KEY], "path": f"/x/{KEY}"})

    assert KEY not in stream.getvalue()
    entry = json.loads(stream.getvalue())
    assert "ValueError: no such key [REDACTED]" in entry["traceback"]
    assert entry["given"] == ["[REDACTED]"]


def test_ordinary_words_stay(stream: io.StringIO) -> None:
    log.info("The authorization of fw_x took 3 ms; bearers wait", extra={"port": 8686})

    entry = json.loads(stream.getvalue())
    assert entry["message"] == "The authorization of fw_x took 3 ms; bearers wait"
    assert (entry["level"], entry["logger"], entry["port"]) == ("info", "hearth.test", 8686)


def test_a_message_cannot_forge_a_line(stream: io.StringIO) -> None:
    log.info("first\n{}")

    assert len(stream.getvalue().splitlines()) == 1


def test_a_terminal_gets_lines_for_people_and_no_keys() -> None:
    stream = Terminal()
    configure("info", stream=stream)

    log.debug("hidden")
    log.info("Ready", extra={"port": 8686, "key": KEY})

    assert stream.getvalue().endswith("INFO    hearth.test: Ready port=8686 key=[REDACTED]\n")
    assert stream.getvalue().count("\n") == 1
    configure("warning", stream=io.StringIO())


def test_libraries_that_tell_of_every_step_are_quiet(stream: io.StringIO) -> None:
    configure("debug", stream=stream)

    for library in ("gguf.gguf_writer", "alembic.runtime", "uvicorn.error"):
        logging.getLogger(library).info("a step")
        logging.getLogger(library).warning("a fault")

    assert stream.getvalue().count("a step") == 0
    assert stream.getvalue().count("a fault") == 3
    configure("warning", stream=io.StringIO())


def test_configuring_twice_writes_each_line_once(stream: io.StringIO) -> None:
    configure("info", stream=stream)

    log.info("once")

    assert stream.getvalue().count("once") == 1
