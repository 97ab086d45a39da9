"""Money at size: a month of a million rows on each database, beside the gateway's peak rate."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from benchmarks import load_job
from benchmarks.figures import Figure
from benchmarks.gateway_subjects import LOAD_CORE, gateway_alone
from benchmarks.money_ledger import Ledger, measure
from tests.postgres import running_postgres

NUM_ROWS = 1_000_000
DATABASES = ("sqlite", "postgresql")


class MoneyRun(Struct):
    """The ledgers, and the requests a second of one gateway on one core."""

    gateway_hz: float
    ledgers: dict[str, Ledger]


def run(num_rows: int = NUM_ROWS) -> MoneyRun:
    """Measure the gateway, then each database alone; PostgreSQL as tests run it, unflushed."""
    with gateway_alone() as gateway:
        load_job.run(gateway.warm_job(gateway.warm_requests), LOAD_CORE)
        answered = load_job.run(gateway.request_job(), LOAD_CORE)
    result = MoneyRun(answered.answers / answered.wall_s, {})
    print(f"money: the gateway answers {result.gateway_hz:.0f} requests/s")
    with TemporaryDirectory(prefix="hearth-bench-") as folder:
        home = Path(folder)
        _measure(result, "sqlite", f"sqlite:///{home}/state.db", home, num_rows)
        with running_postgres() as server:
            server.run("CREATE DATABASE month TEMPLATE template0")
            _measure(result, "postgresql", server.url("month"), home, num_rows)
    return result


def _measure(result: MoneyRun, name: str, url: str, home: Path, num_rows: int) -> None:
    ledger = asyncio.run(measure(url, home, num_rows))
    result.ledgers[name] = ledger
    print(
        f"money: {name}: {ledger.insert_rows_s:.0f} rows/s in, {ledger.replay_rows_s:.0f} rows/s"
        f" replayed, summary {ledger.summary_ms:.0f} ms, rows read in {ledger.rows_s:.1f} s,"
        f" invoice {ledger.invoice_s:.1f} s, what if {ledger.what_if_s:.1f} s, verified in"
        f" {ledger.verify_s:.1f} s"
    )


def _pace(name: str, run: MoneyRun) -> float:
    """How many gateways at their peak one ledger keeps up with."""
    return run.ledgers[name].insert_rows_s / run.gateway_hz


def _summary(name: str, run: MoneyRun) -> float:
    return run.ledgers[name].summary_ms


def _invoice(name: str, run: MoneyRun) -> float:
    return run.ledgers[name].invoice_s


def _what_if(name: str, run: MoneyRun) -> float:
    return run.ledgers[name].what_if_s


def _figures(database: str) -> list[Figure[MoneyRun]]:
    return [
        Figure(
            name=f"ledger_rows_vs_gateway_peak_{database}",
            unit="ratio",
            target=1.0,
            direction="at least",
            measure=partial(_pace, database),
        ),
        Figure(
            name=f"month_summary_{database}",
            unit="ms",
            target=200.0,
            direction="at most",
            measure=partial(_summary, database),
        ),
        Figure(
            name=f"month_invoice_{database}",
            unit="s",
            target=10.0,
            direction="at most",
            measure=partial(_invoice, database),
        ),
        Figure(
            name=f"month_what_if_{database}",
            unit="s",
            target=10.0,
            direction="at most",
            measure=partial(_what_if, database),
        ),
    ]


FIGURES: list[Figure[MoneyRun]] = [figure for one in DATABASES for figure in _figures(one)]
