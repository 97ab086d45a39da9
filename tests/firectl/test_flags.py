"""How flags and arguments are read."""

from __future__ import annotations

import pytest

from hearth.firectl import kinds, vocabulary
from hearth.firectl.parsing import Values, parse
from tests.firectl.terminal import typed


def read(*rest: str) -> Values:
    """What `create deployment` makes of these words."""
    command = vocabulary.command_of("deployment", "create")
    assert command is not None
    return parse(command, list(rest))


@pytest.mark.parametrize(
    ("rest", "values"),
    [
        (["m", "--gpu-count", "2"], {"MODEL": "m", "gpu-count": 2}),
        (["--gpu-count=2", "m"], {"MODEL": "m", "gpu-count": 2}),
        (["m", "-o", "json"], {"MODEL": "m", "output": "json"}),
        (["m", "-o=json"], {"MODEL": "m", "output": "json"}),
        (["m", "--wait"], {"MODEL": "m", "wait": True}),
        (["--wait", "m"], {"MODEL": "m", "wait": True}),
        (["m", "--wait=false"], {"MODEL": "m", "wait": False}),
        (["--auto-scale", "true", "m"], {"MODEL": "m", "auto-scale": True}),
        (["m", "--auto-scale", "false"], {"MODEL": "m", "auto-scale": False}),
        (["--gpu_count", "2"], {"gpu-count": 2}),
        (["--", "-m"], {"MODEL": "-m"}),
        (["--gpu-type", "b200"], {"gpu-type": "NVIDIA_B200_180GB"}),
        (["--accelerator-type", "amd-mi300x-192gb"], {"accelerator-type": "AMD_MI300X_192GB"}),
        (["--precision", "fp8-mm"], {"precision": "FP8_MM"}),
        (["--scale-up-window", "1h0m30s"], {"scale-up-window": "3630s"}),
        (["--load-targets", "default=0.8,x=2"], {"load-targets": {"default": 0.8, "x": 2}}),
        (["--engine-options", "a=b,c=d=e"], {"engine-options": {"a": "b", "c": "d=e"}}),
        (["--fallback-regions", "a, b,"], {"fallback-regions": ["a", "b"]}),
        (["--region", "accounts/dev/regions/us-west-2"], {"region": "us-west-2"}),
        (["--expire-time", "2027-01-02"], {"expire-time": "2027-01-02T00:00:00Z"}),
    ],
)
def test_flags_are_read_as_go_reads_them(rest: list[str], values: Values) -> None:
    assert read(*rest) == values


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--gpu-count", "two"], "--gpu-count: write a whole number"),
        (["--gpu-count", "-1"], "from 0"),
        (["--gpu-count"], "--gpu-count needs a value"),
        (["--gpu-count", "--wait"], "--gpu-count needs a value"),
        (["--scale-up-window", "30"], "write a duration such as 30s"),
        (["--expire-time", "tomorrow"], "write YYYY-MM-DD"),
        (["--load-targets", "0.8"], "write name=value"),
        (["--load-targets", "a=b"], "write a number"),
        (["--multi-region", "mars"], "write one of global, us, europe, apac"),
        (["--wait=perhaps"], "write true or false"),
        (["-o", "xml"], "write one of text, json, yaml, flag"),
        (["a", "b"], "'b' is one too many"),
        ([], "needs a model"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(words: list[str], complaint: str) -> None:
    ran = typed("create", "deployment", *words, "--dry-run")

    assert ran.status == 2
    assert complaint in ran.err
    assert ran.out == ""


def test_missing_arguments_and_flags_are_named_all_at_once() -> None:
    assert "needs ID and PATH" in typed("create", "model").err
    assert "needs --vpc-id" in typed("create", "vpc-deployment", "--model", "m").err


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("1.5h", 5400), ("250ms", 0.25), ("1h2m3s", 3723)]
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert kinds.seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("2026-11-29", "2026-11-29T00:00:00Z"),
        ("2026-11-29 12:30:00", "2026-11-29T12:30:00Z"),
        ("2026-11-29T12:30:00+01:00", "2026-11-29T11:30:00Z"),
    ],
)
def test_times_without_a_zone_are_utc(text: str, wire: str) -> None:
    assert kinds.TIME.parse(text) == wire
