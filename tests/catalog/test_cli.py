"""`hearth pull` and `hearth models` as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.catalog.hub import REPO, Hub
from tests.catalog.weights import gguf_bytes, write_gguf

WAIT_S = 60.0

COMMAND = """
import sys
import typer
from hearth.cli.models import models
from hearth.cli.pull import pull
from hearth.errors import HearthError

app = typer.Typer(add_completion=False)
app.command()(pull)
app.command()(models)
try:
    app()
except HearthError as error:
    sys.exit(f"hearth: {error}")
"""


def hearth(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HEARTH_")}
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        env=environ | {"HEARTH_HOME": str(home)} | variables,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


def listed(home: Path, **variables: str) -> dict[str, dict[str, object]]:
    result = hearth(home, "models", "--json", **variables)
    assert result.returncode == 0, result.stderr
    return {row["name"]: row for row in json.loads(result.stdout)}


def test_a_pulled_file_is_listed_as_callable(tmp_path: Path) -> None:
    write_gguf(tmp_path / "My Model.gguf")

    pulled = hearth(tmp_path, "pull", str(tmp_path / "My Model.gguf"), "--account", "me")

    assert pulled.returncode == 0, pulled.stderr
    assert "accounts/me/models/my-model  llama F32" in pulled.stdout
    row = listed(tmp_path)["accounts/me/models/my-model"]
    assert (row["callable"], row["served_by"]) == (True, "accounts/me/models/my-model")
    assert Path(str(row["path"])).is_file()
    assert "me/my-model" in hearth(tmp_path, "models").stdout


def test_without_account_the_model_belongs_to_the_dev_account(tmp_path: Path) -> None:
    write_gguf(tmp_path / "x.gguf")

    before = hearth(tmp_path, "pull", str(tmp_path / "x.gguf"), "--as", "one", "--json")
    credentials = {"account_id": "dev", "user_id": "dev", "api_key": "fw_x", "base_url": "http://x"}
    (tmp_path / "credentials.json").write_text(json.dumps(credentials))
    after = hearth(tmp_path, "pull", str(tmp_path / "x.gguf"), "--as", "two", "--json")

    assert json.loads(before.stdout)["name"] == "accounts/fireworks/models/one"
    assert json.loads(after.stdout)["name"] == "accounts/dev/models/two"


def test_the_hub_of_the_environment_is_used(tmp_path: Path, hub: Hub) -> None:
    hub.files["tiny.gguf"] = gguf_bytes(tmp_path)

    pulled = hearth(tmp_path, "pull", f"hf:{REPO}", HF_ENDPOINT=hub.url)

    assert pulled.returncode == 0, pulled.stderr
    assert "accounts/fireworks/models/tiny-gguf" in pulled.stdout


def test_a_failure_is_one_line_and_a_code(tmp_path: Path) -> None:
    result = hearth(tmp_path, "pull", "no-such-model")

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("hearth: No model 'no-such-model'")
    assert result.stderr.count("\n") == 1


def test_the_profile_decides_whether_the_default_stands_in(tmp_path: Path) -> None:
    name = "accounts/fireworks/models/llama-v3p1-8b-instruct"
    write_gguf(tmp_path / "x.gguf")
    hearth(
        tmp_path, "pull", str(tmp_path / "x.gguf"), "--as", "smollm2-135m-instruct",
        "--account", "fireworks",
    )  # fmt: skip

    assert listed(tmp_path)[name]["is_stand_in"] is True
    assert listed(tmp_path, HEARTH_PROFILE="production")[name]["callable"] is False
