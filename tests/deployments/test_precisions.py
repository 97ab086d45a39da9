"""A deployment in the precision that is asked for: a form that is here, or a clear refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployments.traffic import Deployments, wait_until
from tests.e2e.commands import hearth_command
from tests.engines.models import write_tiny_model
from tests.running import RunningHearth, running_hearth

SMALL = {"engine_threads": "1", "engine_slots": "2", "engine_context_tokens": "256"}


@pytest.fixture
def hearth(tmp_path: Path) -> Iterator[RunningHearth]:
    write_tiny_model(tmp_path / "tiny.gguf")
    home = tmp_path / "home"
    names = ["--as", "smollm2-135m-instruct", "--account", "fireworks"]
    pulled = hearth_command(home, "pull", f"file:{tmp_path / 'tiny.gguf'}", *names)
    assert pulled.returncode == 0, pulled.stderr
    pulled = hearth_command(
        home, "pull", f"file:{tmp_path / 'tiny.gguf'}", "--as", "mine", "--account", "dev"
    )
    assert pulled.returncode == 0, pulled.stderr
    with running_hearth(home, engine="auto", **SMALL) as running:
        yield running


def test_a_precision_is_refused_until_its_form_is_prepared_and_then_served(
    hearth: RunningHearth,
) -> None:
    deployments = Deployments(hearth)
    wanted = {"baseModel": "mine", "precision": "INT8", "placement": {"region": "local"}}

    refused = deployments.api.post("/deployments", json=wanted)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "precision")

    prepared = deployments.api.post("/models/mine:prepare", json={"precision": "INT8"})
    assert prepared.status_code == 200, prepared.text
    wait_until(
        lambda: "INT8" in deployments.api.get("/models/mine").json().get("precisions", []),
        "the form is never there",
    )
    made = deployments.create("d1", **wanted)
    deployments.wait_ready("d1", 1)

    assert (made["precision"], made["emulated"], made["acceleratorType"]) == ("INT8", False, "CPU")
    ask = {"model": made["name"], "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
    with hearth.client() as api:
        assert api.post("/chat/completions", json=ask).status_code == 200
    (worker,) = [pid for pid in hearth.worker_pids() if _opens(pid, ".variants")]
    assert worker
    deployments.api.close()


def _opens(pid: int, part: str) -> bool:
    return part in Path(f"/proc/{pid}/maps").read_text()


def test_an_emulated_place_computes_in_another_precision_and_says_so(
    hearth: RunningHearth,
) -> None:
    deployments = Deployments(hearth)

    made = deployments.create("d1", baseModel="mine", acceleratorType="h100", precision="FP8")

    assert made["precision"] == "FP8"
    assert "FP8 is priced and placed, not computed" in made["status"]["message"]
    deployments.api.close()
