"""The alert rules and the dashboard ask for what a running Hearth tells, and nothing else."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from hearth.kit.db import Database
from hearth.limits import QuotaId, QuotaService
from hearth.pricing import NANO
from tests.deploy.promql import grouped_by, series_of
from tests.gateway.test_chat import ASK
from tests.house.source import ROOT
from tests.running import running_hearth

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
SCRAPES = ROOT / "deploy" / "prometheus" / "prometheus.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "hearth.json"
GUIDE = ROOT / "docs" / "guides" / "operating.md"

BY_PROMETHEUS = {"up": {"instance", "job"}}
"What every scrape adds by itself."
LABELS_ADDED = {"instance", "job"}
LIMIT_S = 30

Json = dict[str, Any]  # Any: files of others' formats


def read_yaml(text: str) -> Json:
    return msgspec.yaml.decode(text, type=Json)


def rules() -> list[Json]:
    groups: list[Json] = read_yaml(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[Json]:
    found: list[Json] = json.loads(DASHBOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def queries() -> dict[str, str]:
    """Every query, by where it stands."""
    found = {f"alert {rule['alert']}": rule["expr"] for rule in rules()}
    for panel in panels():
        for target in panel["targets"]:
            found[f"panel {panel['title']} {target['refId']}"] = target["expr"]
    return found


async def set_limits(home: Path) -> None:
    """Give the dev account a budget."""
    db = Database(f"sqlite:///{home / 'state.db'}")
    await db.open()
    await QuotaService(db).set("accounts/dev", QuotaId.MONTHLY_SPEND, 5 * NANO)
    await db.close()


def limited_page(api: httpx.Client) -> str:
    """The page, once a request has been bound by the limits."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        assert api.post("/chat/completions", json=ASK).status_code == 200
        page = httpx.get(api.base_url.join("/metrics")).text
        if "\nhearth_lease_expires_seconds " in page:
            return page
    raise AssertionError("the gateway has not learned of its limits")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> list[Metric]:
    """What a gateway tells after some traffic."""
    home = tmp_path_factory.mktemp("watched")
    with running_hearth(home, metrics_accounts="10") as hearth, hearth.client() as api:
        asyncio.run(set_limits(home))
        assert api.post("/chat/completions", json=ASK | {"stream": True}).status_code == 200
        assert api.post("/chat/completions", json={}).status_code == 400
        return list(text_string_to_metric_families(limited_page(api)))


@pytest.fixture(scope="module")
def exported(page: list[Metric]) -> dict[str, set[str]]:
    """The labels of every series, by its name."""
    found: dict[str, set[str]] = {}
    for family in page:
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_kind_of_series_has_something_to_tell(page: list[Metric]) -> None:
    assert [family.name for family in page if not family.samples] == []


def test_what_was_asked_is_in_the_figures(page: list[Metric]) -> None:
    values = {(s.name, *s.labels.values()): s.value for family in page for s in family.samples}

    assert values["hearth_cost_nano_usd_total", ASK["model"], "tokens"] > 0
    assert values["hearth_settle_seconds_count",] >= 2
    assert values["hearth_ledger_errors_total",] == 0
    assert values["hearth_budgets", "0.5", "monthly-spend-usd"] == 0
    states = ("free", "held", "unapplied")
    assert sum(values["hearth_lease", "monthly-spend-usd", state] for state in states) > 0


@pytest.mark.parametrize("place", queries())
def test_a_query_reads_only_what_is_exported(place: str, exported: dict[str, set[str]]) -> None:
    query = queries()[place]
    known = exported | BY_PROMETHEUS

    read = list(series_of(query))

    assert read, query
    for series in read:
        assert series.name in known, f"{place} reads {series.name}"
        labels = known[series.name] | LABELS_ADDED
        assert series.labels <= labels, f"{place} selects by {series.labels - labels}"
        assert grouped_by(query) <= labels, f"{place} groups by {grouped_by(query) - labels}"


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    headings = re.findall(r"^##+ (.+)$", GUIDE.read_text(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}

    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, rule["alert"]
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert ROOT / page == GUIDE
        assert anchor in anchors, f"{rule['alert']}: no section {anchor}"
        assert rule["annotations"]["summary"].endswith(".")


def test_every_series_stands_on_the_dashboard_or_in_a_rule(exported: dict[str, set[str]]) -> None:
    read = {series.name for query in queries().values() for series in series_of(query)}
    told = {name for name in exported if not name.endswith(("_count", "_sum", "_info"))}

    assert told - read == set()


def test_the_scrape_configuration_finds_the_rules_and_the_default_port() -> None:
    config = read_yaml(SCRAPES.read_text())

    (scrape,) = config["scrape_configs"]
    assert config["rule_files"] == [RULES.name]
    assert scrape["job_name"] == "hearth"
    assert scrape["static_configs"][0]["targets"] == ["127.0.0.1:8686"]


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]

    assert len(ids) == len(set(ids))
    assert {each["name"] for each in dashboard["templating"]["list"]} == {"datasource", "instance"}
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_a_series_that_nobody_exports_would_be_seen() -> None:
    query = 'sum by (zebra) (rate(hearth_zebras_total{stripe=~"a}b"}[5m])) and on (x) up == 1'

    assert [(each.name, set(each.labels)) for each in series_of(query)] == [
        ("hearth_zebras_total", {"stripe"}),
        ("up", set()),
    ]
    assert grouped_by(query) == {"zebra", "x"}
