"""The servers of the gateway part, each in front of the same mock upstream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec
from msgspec import Struct

from benchmarks import hearth_server, litellm_proxy
from benchmarks.load_job import Job
from benchmarks.processes import PYTHON, Process, free_port

GATEWAY_CORE = 0
LOAD_CORE = 1  # the load generator and the upstream
MODEL = "accounts/fireworks/models/smollm2-135m-instruct"
KEY = "fw_" + "b" * 32
START_LIMIT_S = 60.0
OVERDUE_S = 0.05  # a gateway that was frozen for long takes its upstream for hung and reconnects
NUM_CHUNKS = 100


class Subject(Struct, frozen=True, kw_only=True):
    """A server under test and how much load it gets."""

    name: str
    process: Process
    address: str
    key: str = KEY
    rate_hz: float = 100.0
    "Below what the slowest machine's slowest server can do, or latency would be queueing."
    warm_requests: int = 1500

    def wait_until_it_answers(self) -> None:
        """Wait for the first answer with status 200."""
        request = self.request_job().request()
        self.process.wait_until(self.address, request, limit_s=START_LIMIT_S)

    def wake(self) -> None:
        """Let a frozen server run, and do what fell due while it was frozen."""
        self.process.resume()
        time.sleep(OVERDUE_S)
        self.wait_until_it_answers()

    def request_job(self) -> Job:
        """Plain requests, as many as it takes."""
        return Job(address=self.address, key=self.key, body=_body(max_tokens=1), seconds=2.0)

    def stream_job(self) -> Job:
        """32 streams of paced chunks."""
        body = _body(max_tokens=NUM_CHUNKS, stream=True)
        events = NUM_CHUNKS + 1  # and the terminator
        return Job(address=self.address, key=self.key, body=body, seconds=1.2, min_events=events)

    def rate_job(self) -> Job:
        """Plain requests at a fixed rate for two seconds."""
        return msgspec.structs.replace(
            self.request_job(), seconds=0.0, rate_hz=self.rate_hz, requests=int(2 * self.rate_hz)
        )

    def warm_job(self, requests: int) -> Job:
        """A number of plain requests."""
        return msgspec.structs.replace(self.request_job(), seconds=0.0, requests=requests)


def _body(*, max_tokens: int, stream: bool = False) -> str:
    """A chat request of about 1 kB."""
    turns = [
        {"role": "system", "content": "You tend the fire and answer in plain words. " * 4},
        {"role": "user", "content": "How do I keep a hearth burning through the night? " * 5},
        {"role": "assistant", "content": "Bank the embers with ash and leave the damper ajar."},
        {"role": "user", "content": "And which wood burns longest? " * 5},
    ]
    body = {
        "model": MODEL,
        "messages": turns,
        "max_tokens": max_tokens,
        "temperature": 0.7,
        "top_p": 0.9,
        "stream": stream,
    }
    if stream:
        body["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(body).decode()


class Upstream(NamedTuple):
    """The mock upstream and where it listens."""

    process: Process
    port: int
    socket: Path


class Subjects(Struct, frozen=True):
    """Everything the gateway part runs; frozen until it is measured."""

    upstream: Upstream
    all: list[Subject]


@contextmanager
def started() -> Iterator[Subjects]:
    """Start all servers, wait until each answers, freeze them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hearth-bench-")))
        upstream, direct = start_upstream(stack, folder)
        subjects = [
            direct,
            _bare(stack, upstream, folder),
            start_gateway(stack, upstream, folder / "home"),
            *_litellm(stack, upstream),
        ]
        for subject in subjects[1:]:
            subject.wait_until_it_answers()
            subject.process.pause()
        yield Subjects(upstream, subjects)


@contextmanager
def gateway_alone() -> Iterator[Subject]:
    """Start nothing but the gateway and the upstream."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hearth-bench-")))
        upstream, _ = start_upstream(stack, folder)
        yield start_gateway(stack, upstream, folder / "home")


def start_upstream(stack: ExitStack, folder: Path) -> tuple[Upstream, Subject]:
    """Start the mock upstream, which is a subject itself."""
    port = free_port()
    command = [PYTHON, "-m", "benchmarks.upstream", str(port), str(folder / "u.sock"), MODEL]
    process = stack.enter_context(Process("upstream", command, core=LOAD_CORE))
    direct = Subject(name="direct", process=process, address=f"127.0.0.1:{port}")
    direct.wait_until_it_answers()
    return Upstream(process, port, folder / "u.sock"), direct


def _bare(stack: ExitStack, upstream: Upstream, folder: Path) -> Subject:
    port = free_port()
    arguments = [str(port), str(upstream.socket), KEY, str(folder / "journal")]
    command = [PYTHON, "-m", "benchmarks.bare", *arguments]
    process = stack.enter_context(Process("bare", command, core=GATEWAY_CORE))
    return Subject(name="bare", process=process, address=f"127.0.0.1:{port}")


def start_gateway(
    stack: ExitStack,
    upstream: Upstream,
    home: Path,
    *arguments: str,
    name: str = "gateway",
    **variables: str,
) -> Subject:
    """Start a gateway in front of the upstream; arguments are those of `hearth_gateway`."""
    port = free_port()
    environ = hearth_server.environ(home, port) | variables
    process = stack.enter_context(
        hearth_server.start_gateway(
            *arguments, worker=upstream.socket, environ=environ, core=GATEWAY_CORE
        )
    )
    address = f"127.0.0.1:{port}"
    process.wait_until(address, hearth_server.READY, limit_s=START_LIMIT_S)
    process.wait_until_alone(limit_s=START_LIMIT_S)  # its first answer has a process of its own
    return Subject(
        name=name, process=process, address=address, key=hearth_server.api_key(home, port)
    )


def _litellm(stack: ExitStack, upstream: Upstream) -> list[Subject]:
    command = litellm_proxy.install()
    if command is None:
        return []
    port = free_port()
    process = litellm_proxy.start(
        command, port=port, upstream_port=upstream.port, model=MODEL, core=GATEWAY_CORE
    )
    return [
        Subject(
            name="litellm",
            process=stack.enter_context(process),
            address=f"127.0.0.1:{port}",
            key=litellm_proxy.KEY,
            rate_hz=15.0,
            warm_requests=50,
        )
    ]
