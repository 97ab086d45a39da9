"""`hearth attach` and `hearth detach` as a person runs them, and what the catalogue makes of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable
from datetime import date
from pathlib import Path

import pytest

from hearth.catalog import Catalog, Holdings, ModelStore, Remote, Remotes, Serving, decide
from hearth.errors import SetupError
from tests.engines.remote.recorded import Recorded
from tests.engines.worker_process import LIMIT_S

REMOTE = Remote(
    id="qwen3-8b", account="me", url="http://gpu:8000/v1", model="Qwen/Qwen3-8B",
    context_length=4096, attached=date(2026, 5, 1),
)  # fmt: skip


def hearth(home: Path, *arguments: str, **variables: str) -> Awaitable[tuple[int, str]]:
    """Run a command while the recorded server goes on in this process."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HEARTH_")}

    def run() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "hearth.cli.main", *arguments],
            env=environ | {"HEARTH_HOME": str(home)} | variables,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return asyncio.to_thread(run)


async def test_a_server_with_one_model_needs_no_name(vllm: Recorded, tmp_path: Path) -> None:
    status, said = await hearth(tmp_path, "attach", "qwen3-8b", "--url", vllm.url)

    (remote,) = Remotes(tmp_path).list()
    assert status == 0, said
    assert "vllm 0.33.0, window 4096" in said
    assert remote.name == "accounts/fireworks/models/qwen3-8b"
    assert remote.url == f"{vllm.url}/v1"
    assert remote.model == "Qwen/Qwen3-8B"
    assert remote.context_length == 4096
    assert (tmp_path / "remotes.json").stat().st_mode & 0o777 == 0o600


async def test_the_key_is_used_and_not_written(openai: Recorded, tmp_path: Path) -> None:
    arguments = ("attach", "mini", "--url", openai.url, "--model", "gpt-4o-mini",
                 "--account", "me", "--api-key-env", "UPSTREAM_KEY")  # fmt: skip

    status, said = await hearth(tmp_path, *arguments, UPSTREAM_KEY="sk-secret")

    written = (tmp_path / "remotes.json").read_text()
    assert status == 0, said
    assert openai.asked[-1].headers["authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in said + written
    assert "UPSTREAM_KEY" in written


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mini", "--model", "gpt-9"), "it has gpt-4o-mini, gpt-4.1-nano"),
        (("mini",), "--model"),
        (("mini", "--model", "gpt-4o-mini", "--api-key-env", "NOT_SET"), "NOT_SET"),
        (("Not An Id", "--model", "gpt-4o-mini"), "id"),
    ],
)
async def test_what_cannot_be_attached_is_one_line_and_changes_nothing(
    openai: Recorded, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    status, output = await hearth(tmp_path, "attach", *arguments, "--url", openai.url)

    assert status == 1
    assert said in output
    assert output.count("\n") == 1
    assert not (tmp_path / "remotes.json").exists()


async def test_models_shows_who_answers(tmp_path: Path) -> None:
    Remotes(tmp_path).put(REMOTE)

    _, said = await hearth(tmp_path, "models")

    (line,) = [line for line in said.splitlines() if "me/qwen3-8b" in line]
    assert "Qwen/Qwen3-8B at http://gpu:8000/v1" in line


async def test_detach_takes_it_away_again(tmp_path: Path) -> None:
    Remotes(tmp_path).put(REMOTE)

    done = await hearth(tmp_path, "detach", "qwen3-8b", "--account", "me")
    again = await hearth(tmp_path, "detach", "qwen3-8b", "--account", "me")

    assert done == (0, "accounts/me/models/qwen3-8b is detached.\n")
    assert again[0] == 1
    assert "none at all" in again[1]
    assert Remotes(tmp_path).list() == []


def held(home: Path) -> Holdings:
    """What is held below a home folder."""
    return Holdings(ModelStore(home), Remotes(home))


def serve(home: Path, name: str, *, profile: str = "production") -> tuple[Serving, Catalog]:
    """How a model is served for account `me`."""
    shipped = Catalog.load()
    by_name = {each.name: each for each in held(home).list()}
    catalog = shipped.with_local(by_name.values())
    model = catalog.resolve(name, "me")
    assert model is not None
    serving = decide(
        model,
        by_name,
        "dev" if profile == "dev" else "production",
        stand_ins=shipped.stand_ins(),
    )
    return serving, catalog


def test_an_attached_model_is_callable_by_its_account_alone(tmp_path: Path) -> None:
    Remotes(tmp_path).put(REMOTE)

    serving, catalog = serve(tmp_path, "qwen3-8b")

    assert serving.callable
    assert serving.engine == "remote"
    assert serving.served_by == "accounts/me/models/qwen3-8b"
    assert serving.remote == REMOTE
    found = catalog.resolve("qwen3-8b", "me")
    assert found is not None
    assert found.context_length == 4096
    assert catalog.resolve("accounts/me/models/qwen3-8b", "other") is None


def test_a_server_can_answer_for_a_model_of_the_catalogue(tmp_path: Path) -> None:
    Remotes(tmp_path).put(_for_catalogue("deepseek-r1"))

    serving, _ = serve(tmp_path, "accounts/fireworks/models/deepseek-r1")

    assert (serving.engine, serving.is_stand_in) == ("remote", False)
    assert serving.served_by == "accounts/fireworks/models/deepseek-r1"


def test_an_attached_default_model_stands_in_and_says_so(tmp_path: Path) -> None:
    Remotes(tmp_path).put(_for_catalogue("smollm2-135m-instruct"))

    serving, _ = serve(tmp_path, "deepseek-r1", profile="dev")

    assert (serving.engine, serving.is_stand_in) == ("remote", True)
    assert serving.served_by == "accounts/fireworks/models/smollm2-135m-instruct"
    assert serving.details


def _for_catalogue(model_id: str) -> Remote:
    return Remote(
        id=model_id, account="fireworks", url="http://gpu/v1", model="m", attached=REMOTE.attached
    )


def test_attaching_changes_the_fingerprint_each_time(tmp_path: Path) -> None:
    prints = [held(tmp_path).fingerprint()]
    Remotes(tmp_path).put(REMOTE)
    prints.append(held(tmp_path).fingerprint())
    Remotes(tmp_path).put(REMOTE)
    prints.append(held(tmp_path).fingerprint())

    assert len(set(prints)) == 3
    assert held(tmp_path).find(REMOTE.name) == REMOTE
    assert held(tmp_path).find("accounts/me/models/none") is None


def test_many_who_attach_at_once_lose_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from datetime import date; from pathlib import Path\n"
        "from hearth.catalog import Remote, Remotes\n"
        "for n in range(20):\n"
        "    Remotes(Path(sys.argv[1])).put(Remote(id=f'm{sys.argv[2]}-{n}', account='me',\n"
        "        url='http://gpu/v1', model='m', attached=date(2026, 1, 1)))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(n)]) for n in range(4)
    ]

    assert [each.wait(LIMIT_S) for each in running] == [0] * 4
    assert len(Remotes(tmp_path).list()) == 80


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"remotes": [{"id": "x"}]}'])
def test_a_damaged_file_attaches_nothing_and_is_not_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "remotes.json"
    path.write_text(text)

    assert Remotes(tmp_path).list() == []
    with pytest.raises(SetupError, match=r"remotes\.json"):
        Remotes(tmp_path).put(REMOTE)
    assert path.read_text() == text


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SetupError, match="HEARTH_HOME"):
        Remotes(tmp_path / "file" / "home").put(REMOTE)
