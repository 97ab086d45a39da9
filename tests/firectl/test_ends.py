"""How commands end: exit statuses, one line with the remedy, and manners in a pipe."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys

import pytest

from hearth.firectl.failures import MEANINGS, Exit
from tests.firectl.terminal import Reply, World, typed

START_LIMIT_S = 0.3
HEAVY = {"httpx", "typer", "rich", "msgspec", "sqlalchemy", "starlette", "numpy", "asyncio"}


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [
        (400, Exit.FAILED),
        (401, Exit.DENIED),
        (402, Exit.FAILED),
        (403, Exit.DENIED),
        (404, Exit.NOT_FOUND),
        (409, Exit.FAILED),
        (500, Exit.FAILED),
    ],
)
def test_a_refusal_is_one_line_in_the_servers_words(
    world: World, status: int, exit_status: Exit
) -> None:
    details = [{"reason": "So it is."}, {"reason": "for_machines"}]
    body = {"code": 3, "message": "It\n does not work.", "details": details}
    world.on("PATCH", "quotas/q", Reply(status=status, body=body))

    ran = typed("update", "quota", "q", "--value", "1")

    assert ran.status == exit_status
    assert ran.err.startswith("firectl: It does not work. So it is.")
    assert "for_machines" not in ran.err
    assert ran.err.count("\n") == 1
    assert ("firectl signin" in ran.err) == (status == 401)


@pytest.mark.parametrize(
    "body",
    [{"error": {"message": "Words."}}, {"error": "Words."}, {"message": "Words.", "details": None}],
)
def test_every_shape_of_error_is_read(world: World, body: dict[str, object]) -> None:
    world.on("GET", "quotas/q", Reply(status=400, body=body))

    assert typed("get", "quota", "q").err == "firectl: Words.\n"


def test_a_path_that_the_server_lacks_is_not_a_missing_resource(world: World) -> None:
    error = {"type": "error", "message": "Path not found: /accounts/dev/regions"}
    body = {"code": 5, "message": error["message"], "error": error}
    world.on("GET", "regions", Reply(status=404, body=body))

    ran = typed("list", "regions")

    assert (ran.status, "does not offer it" in ran.err) == (1, True)


@pytest.mark.parametrize("reply", [Reply(body=b"\xff", status=500), Reply(body=["x"])])
def test_an_answer_that_is_none_is_said_to_be_none(world: World, reply: Reply) -> None:
    world.on("GET", "quotas/q", reply)

    ran = typed("get", "quota", "q")

    assert (ran.status, ran.err.count("\n")) == (1, 1)


def test_a_read_is_tried_again_while_the_server_is_busy(world: World) -> None:
    busy = Reply(status=503, body={"message": "busy"}, headers={"Retry-After": "0"})
    world.on("GET", "quotas/q", busy, Reply(body={"name": "q"}))
    world.on("PATCH", "quotas/q", busy)

    assert typed("get", "quota", "q").status == 0
    assert typed("update", "quota", "q", "--value", "1").status == 1
    assert [each.method for each in world.received] == ["GET", "GET", "PATCH"]


def test_nobody_waits_for_a_server_that_wants_a_long_pause(world: World) -> None:
    world.on("GET", "quotas/q", Reply(status=429, headers={"Retry-After": "60"}))

    assert typed("get", "quota", "q").status == 1
    assert len(world.received) == 1


def test_a_redirect_is_not_followed_with_the_key(world: World) -> None:
    world.on("GET", "quotas/q", Reply(status=302, headers={"Location": f"{world.url}/elsewhere"}))

    assert typed("get", "quota", "q").status == 1
    assert [each.path for each in world.received] == ["/v1/accounts/dev/quotas/q"]


def test_a_server_that_is_not_there_is_named_with_the_remedy() -> None:
    ran = typed("list", "quotas", "--base-url", "http://127.0.0.1:9", "--api-key", "x", "-a", "y")

    assert ran.status == 1
    assert ran.err.startswith("firectl: Cannot reach http://127.0.0.1:9: ")
    assert "FIREWORKS_BASE_URL" in ran.err


def test_every_exit_status_has_a_meaning_in_help() -> None:
    page = typed("help", "exit-codes").out

    assert set(MEANINGS) == set(Exit)
    assert [meaning for meaning in MEANINGS.values() if meaning not in page] == []


def run(*words: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    call = f"from hearth.firectl.main import main\nend = main({list(words)!r})\n"
    command = [sys.executable, "-c", f"import sys, time\n{call}{code}\nsys.exit(end)"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", [["--help"], ["get", "deployment", "x"], ["list", "models"]])
def test_it_starts_without_what_is_heavy(words: list[str]) -> None:
    done = run(*words, code="print(*sys.modules, file=sys.stderr)")

    loaded = set(done.stderr.splitlines()[-1].split())
    assert loaded & HEAVY == set()
    ours = {name for name in loaded if name.startswith("hearth.")}
    assert {name for name in ours if not name.startswith("hearth.firectl")} == set()


def test_it_starts_in_under_three_tenths_of_a_second_of_the_processor() -> None:
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < START_LIMIT_S


def test_ctrl_c_ends_waiting_with_the_usual_status(world: World) -> None:
    world.on("POST", "deployments", Reply(body={"name": "accounts/dev/deployments/d"}))
    world.on("GET", "deployments/d", Reply(body={"state": "CREATING"}))
    words = ["create", "deployment", "m", "--wait"]
    command = [sys.executable, "-m", "hearth.firectl.main", *words]
    waiting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert waiting.stderr is not None
    assert waiting.stderr.readline() == "d: CREATING\n"

    waiting.send_signal(signal.SIGINT)

    assert waiting.wait(10) == Exit.INTERRUPTED
    assert waiting.stderr.read() == "firectl: interrupted\n"
    waiting.stderr.close()


def test_a_reader_of_a_pipe_may_leave_early() -> None:
    command = [sys.executable, "-m", "hearth.firectl.main", "help"]
    writing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert writing.stdout is not None
    writing.stdout.close()

    assert writing.wait(30) == 0
    assert writing.stderr is not None
    assert writing.stderr.read() == ""
    writing.stderr.close()


def test_this_machine_is_not_asked_through_a_proxy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    world.on("GET", "quotas/q", Reply(body={"name": "q"}))

    assert typed("get", "quota", "q").status == 0
