"""The server under test: requests go out as given, answers come back as they are."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from hearth.conformance.verdicts import Absent, Fault, Refused, expect

Body = dict[str, Any]  # Any: a JSON object


class Subjects(Struct, frozen=True, kw_only=True):
    """The models that are asked."""

    chat: str
    embedding: str
    rerank: str


class Answer(Struct, frozen=True):
    """A whole answer."""

    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def json(self) -> Any:  # Any: JSON
        """The body."""
        try:
            return msgspec.json.decode(self.content)
        except msgspec.DecodeError:
            raise Fault(f"The body is not JSON: {self.content[:80]!r}.") from None


class Event(Struct, frozen=True):
    """A server-sent event."""

    name: str
    "Empty where the server gives none."
    data: str

    @property
    def json(self) -> Any:  # Any: JSON
        """The data."""
        try:
            return msgspec.json.decode(self.data)
        except msgspec.DecodeError:
            raise Fault(f"An event is not JSON: {self.data[:80]!r}.") from None


class Stream(Struct, frozen=True):
    """A streamed answer, read to its end."""

    headers: httpx.Headers
    events: list[Event]

    def chunks(self) -> list[Any]:  # Any: JSON
        """The events before `[DONE]`, which must be the last."""
        expect(bool(self.events), "The stream is empty.")
        expect(self.events[-1].data == "[DONE]", "The stream does not end with [DONE].")
        chunks = [event.json for event in self.events[:-1]]
        for chunk in chunks:
            expect("error" not in chunk, f"The stream broke: {chunk.get('error')}.")
        return chunks


class Server:
    """A server and the key for it.

    Args:
        base_url: as its users give it to a client, with or without `/v1`.
        subjects: the models that are asked.
        timeout_s: of one answer.
    """

    def __init__(
        self, base_url: str, api_key: str, subjects: Subjects, *, timeout_s: float = 120.0
    ) -> None:
        root = base_url.rstrip("/")
        self.subjects = subjects
        self._client = httpx.Client(
            base_url=root if root.endswith("/v1") else f"{root}/v1",
            headers={"authorization": f"Bearer {api_key}"},
            timeout=timeout_s,
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def chat(self, content: str = "Say hello.", **fields: Any) -> Body:
        """The body of a chat request with one user turn."""
        messages = [{"role": "user", "content": content}]
        return {"model": self.subjects.chat, "messages": messages, "max_tokens": 24} | fields

    def send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request and return whatever comes."""
        content = None if body is None else msgspec.json.encode(body)
        answer = self._client.request(
            method,
            path,
            content=content,
            headers={"content-type": "application/json"} | (headers or {}),
        )
        return Answer(answer.status_code, answer.headers, answer.content)

    def ask(self, path: str, body: Body) -> Any:  # Any: JSON
        """POST and return the body of an answer that must be a 200."""
        return self.accepted(self.send("POST", path, body)).json

    def accepted(self, answer: Answer) -> Answer:
        """Return an answer that is a 200.

        Raises:
            Refused: the server says that it does not do this.
            Absent: it has no such route.
            Fault: anything else.
        """
        if answer.status == 200:
            return answer
        shown = answer.content[:200].decode(errors="replace")
        if answer.status in {400, 422}:
            raise Refused(shown)
        if answer.status in {404, 405, 501}:
            raise Absent(shown)
        raise Fault(f"HTTP {answer.status}: {shown}")

    def stream(self, path: str, body: Body) -> Stream:
        """POST with `stream` and return all events."""
        content = msgspec.json.encode(body | {"stream": True})
        headers = {"content-type": "application/json"}
        with self._client.stream("POST", path, content=content, headers=headers) as answer:
            if answer.status_code != 200:
                answer.read()
                self.accepted(Answer(answer.status_code, answer.headers, answer.content))
            kind = answer.headers.get("content-type", "")
            expect(kind.startswith("text/event-stream"), f"The stream comes as {kind!r}.")
            return Stream(answer.headers, _events("\n".join(answer.iter_lines())))


def _events(text: str) -> list[Event]:
    """Cut a stream into events (https://html.spec.whatwg.org/#event-stream-interpretation)."""
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields: dict[str, list[str]] = {}
        for line in block.splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        if "data" in fields:
            events.append(Event(fields.get("event", [""])[0], "\n".join(fields["data"])))
    return events
