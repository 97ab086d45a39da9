"""`hearth simulate`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hearth.cli.simulate import simulate
from hearth.errors import InvalidRequest, SetupError

SMALL = ["--hours", "1", "--deployments", "3"]


def run(*arguments: str) -> str:
    """What the command prints.

    Raises:
        HearthError: what `main` would print as one line.
    """
    app = typer.Typer()
    app.command()(simulate)
    result = CliRunner().invoke(app, [*SMALL, *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_the_page_begins_with_what_was_simulated() -> None:
    first = run("--seed", "7").splitlines()[0]

    assert first == "3 deployments, 18 regions, 10,000 accelerators, 1 h, seed 7"


def test_the_json_holds_exact_costs() -> None:
    told = json.loads(run("-o", "json", "--lose", "us-west-2@0.25+0.25"))

    assert isinstance(told["total"]["cost_nano"], int)
    assert "us-west-2 is back" in told["timeline"][0]["events"]


def test_all_regions_may_be_kept() -> None:
    assert " lost: " not in run("--hours", "16", "--keep-all")
    assert "us-west-2 lost: " in run("--hours", "16")


def test_an_own_inventory_is_used(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[[region]]\nname = "rack-1"\ncontract_region = "EU_ICELAND_1"\nmulti_region = "EUROPE"\n'
        'cloud = "own"\nplace = "here"\ntimezone = "UTC"\naccelerators = { h100 = 8 }\n'
    )

    assert "rack-1" in run("--inventory", str(tmp_path / "own.toml"))


def test_a_loss_that_cannot_be_read_is_refused_with_its_form() -> None:
    with pytest.raises(InvalidRequest, match="REGION@HOUR"):
        run("--lose", "us-west-2")


def test_an_inventory_that_is_not_there_is_refused() -> None:
    with pytest.raises(SetupError, match="cannot be read"):
        run("--inventory", "none.toml")
