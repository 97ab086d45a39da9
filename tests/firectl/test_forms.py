"""How resources and lists are printed."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from msgspec import yaml

from hearth.firectl import forms, vocabulary
from hearth.firectl.grammar import Column
from tests.firectl.terminal import Reply, World, typed

DEPLOYMENT: dict[str, Any] = {
    "name": "accounts/dev/deployments/d1",
    "displayName": "My deployment",
    "createTime": "2026-11-29T12:00:00Z",
    "state": "READY",
    "status": {"code": "OK", "message": ""},
    "baseModel": "accounts/fireworks/models/llama-v3p1-8b-instruct",
    "minReplicaCount": 0,
    "maxReplicaCount": 2,
    "acceleratorType": "NVIDIA_H100_80GB",
    "enableAddons": False,
    "autoscalingPolicy": {"scaleUpWindow": "30s", "loadTargets": {"default": 0.8}},
    "placement": {"regions": ["us-west-2", "eu-west-1"]},
    "annotations": {},
    "description": "",
    "shards": [{"name": "a", "state": "READY"}],
}


@pytest.fixture
def served(world: World) -> World:
    """The world has one deployment."""
    world.on("GET", "deployments/d1", Reply(body=DEPLOYMENT))
    world.on("GET", "deployments", Reply(body={"deployments": [DEPLOYMENT], "totalSize": 1}))
    return world


def test_text_is_a_line_per_field_that_says_something(served: World) -> None:
    assert typed("get", "deployment", "d1").out.splitlines() == [
        "Name: accounts/dev/deployments/d1",
        "Display Name: My deployment",
        "Create Time: 2026-11-29T12:00:00Z",
        "State: READY",
        "Status: OK",
        "Base Model: accounts/fireworks/models/llama-v3p1-8b-instruct",
        "Min Replica Count: 0",
        "Max Replica Count: 2",
        "Accelerator Type: NVIDIA_H100_80GB",
        "Enable Addons: false",
        "Autoscaling Policy:",
        "  Scale Up Window: 30s",
        "  Load Targets:",
        "    Default: 0.8",
        "Placement:",
        "  Regions: us-west-2, eu-west-1",
        "Shards:",
        "  [",
        "    {",
        '      "name": "a",',
        '      "state": "READY"',
        "    }",
        "  ]",
    ]


def test_json_and_yaml_hold_the_resource_as_it_was_sent(served: World) -> None:
    assert json.loads(typed("get", "deployment", "d1", "-o", "json").out) == DEPLOYMENT
    assert yaml.decode(typed("get", "deployment", "d1", "-o", "yaml").out) == DEPLOYMENT
    assert json.loads(typed("list", "deployments", "-o", "json").out) == [DEPLOYMENT]
    assert yaml.decode(typed("list", "deployments", "-o", "yaml").out) == [DEPLOYMENT]


def test_flags_make_the_like_of_a_resource_again(served: World) -> None:
    line = typed("get", "deployment", "d1", "-o", "flag").out

    again = typed("create", "deployment", *shlex.split(line), "--dry-run").body

    assert again == {
        key: DEPLOYMENT[key]
        for key in (
            "baseModel",
            "displayName",
            "acceleratorType",
            "maxReplicaCount",
            "autoscalingPolicy",
            "placement",
        )
    }


def test_what_cannot_be_created_has_no_flags(world: World) -> None:
    world.on("GET", "regions/x", Reply(body={"name": "x"}))

    ran = typed("get", "region", "x", "-o", "flag")

    assert ran.status == 2
    assert "use -o json" in ran.err


def test_a_list_is_a_table_of_the_columns_that_a_row_fills(served: World) -> None:
    head, row = typed("list", "deployments").out.splitlines()

    assert " ".join(head.split()) == "NAME DISPLAY NAME STATE BASE MODEL ACCELERATOR CREATE TIME"
    assert row.startswith("accounts/dev/deployments/d1  My deployment  READY")
    assert head.index("STATE") == row.index("READY")


def test_an_empty_list_still_says_what_it_lists(world: World) -> None:
    world.on("GET", "deployments", Reply(body={"deployments": []}))

    assert typed("list", "deployments").out.startswith("NAME  DISPLAY NAME  STATE")
    assert typed("list", "deployments", "-o", "json").out == "[]\n"


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"b": [1, 2.5, None, True], "c": []}, "d": {}},
        [{"x": [{"y": "z"}, [1, [2]]]}, "plain words", "true", "No", "1.5", "a: b", "- a", ""],
        {"key with space": "line\nbreak", "ключ": "значение", "quote": '"', "hash": "a #b"},
        "2026-11-29",
        ["~", "null", "@x", "%x", "a:", "{", "*a", "!t", ".5", ".inf", "_", "1e3", "0x1f"],
    ],
)
def test_yaml_reads_back_as_what_was_written(value: object) -> None:
    assert yaml.decode(forms.as_yaml(value)) == value


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        ({"currencyCode": "USD", "units": "12", "nanos": 500_000_000}, "12.50 USD"),
        ({"units": "-1", "nanos": -1}, "-1.000000001 USD"),
        ({"currencyCode": "EUR", "units": "0"}, "0.00 EUR"),
    ],
)
def test_money_is_shown_exactly(money: dict[str, object], shown: str) -> None:
    assert forms.as_text({"amountDue": money}) == f"Amount Due: {shown}\n"
    assert shown in forms.as_table([{"x": money}], [Column(title="x", path="x")])


@pytest.mark.parametrize(
    ("key", "title"),
    [("createTime", "Create Time"), ("name", "Name"), ("p50_latency_s", "P50 Latency S")],
)
def test_keys_are_titles(key: str, title: str) -> None:
    assert forms.title(key) == title


def test_every_noun_that_lists_has_a_column_for_its_name() -> None:
    for noun in vocabulary.NOUNS:
        lister = vocabulary.command_of(noun, "list")
        if lister is not None:
            assert lister.resource is not None
            assert lister.resource.columns[0].path in ("name", "id", "keyId", "timestamp")
