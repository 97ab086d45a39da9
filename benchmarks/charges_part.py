"""What pricing, limits and the journal cost a request and a token, against doing none of it.

Four gateways before one upstream: without any metering; with it; with it under limits of a key; and
the same with a journal that is flushed to disk for each answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import load_job
from benchmarks.figures import Figure
from benchmarks.gateway_part import GatewayRun, Phase, measure, show
from benchmarks.gateway_subjects import LOAD_CORE, Subjects, start_gateway, start_upstream
from hearth.accounts import AccountService, read_credentials
from hearth.kit.db import Database
from hearth.kit.pages import ListQuery
from hearth.limits import QuotaId, QuotaService, subjects
from hearth.pricing import NANO

ROUNDS = 7
PAIRS = 3
WARM_REQUESTS = 3_000
PHASES: tuple[Phase, ...] = ("request", "chunk")
PLENTY = {
    QuotaId.MONTHLY_SPEND: 10_000 * NANO,
    QuotaId.REQUESTS: 10_000_000,
    QuotaId.GENERATED_TOKENS: 1_000_000_000,
}
"Limits that bind nobody here, and are kept all the same."


def run() -> GatewayRun:
    """Measure the four in turn."""
    result = GatewayRun()
    with _started() as subjects:
        for subject in subjects.all:
            subject.wake()
            load_job.run(subject.warm_job(WARM_REQUESTS), LOAD_CORE)
            subject.process.pause()
        for number in range(ROUNDS):
            print(f"charges: round {number + 1} of {ROUNDS}", flush=True)
            for phase in PHASES:
                for subject in subjects.all * PAIRS:
                    window = measure(phase, subject, subjects)
                    result.windows.setdefault((subject.name, phase), []).append(window)
    show(result)
    return result


@contextmanager
def _started() -> Iterator[Subjects]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hearth-bench-")))
        upstream, _ = start_upstream(stack, folder)
        arms = [
            start_gateway(stack, upstream, folder / "none", "--unmetered", name="unmetered"),
            start_gateway(stack, upstream, folder / "free", name="metered"),
            start_gateway(stack, upstream, folder / "limited", name="limited"),
            start_gateway(
                stack, upstream, folder / "flushed", name="flushed", HEARTH_JOURNAL_MODE="fsync"
            ),
        ]
        for home in ("limited", "flushed"):
            asyncio.run(_limit(folder / home))
        for arm in arms:
            arm.wait_until_it_answers()
            arm.process.pause()
        yield Subjects(upstream, arms)


async def _limit(home: Path) -> None:
    """Set limits for the one key of a home."""
    db = Database(f"sqlite:///{home / 'state.db'}")
    await db.open()
    dev = read_credentials(home)
    keys = AccountService(db).keys
    (key,) = (await keys.list(dev.account_id, dev.user_id, ListQuery())).items
    *_, subject = subjects(dev.account_id, dev.user_id, key.key_id)
    for quota_id, value in PLENTY.items():
        await QuotaService(db).set(subject, quota_id, value)
    await db.close()


FIGURES: list[Figure[GatewayRun]] = [
    Figure(
        name="metered_cpu_per_request_vs_unmetered",
        unit="ratio",
        target=1.2,
        direction="at most",
        measure=lambda run: run.ratio("request", "unmetered", "metered"),
    ),
    Figure(
        name="limited_cpu_per_request_vs_unmetered",
        unit="ratio",
        target=1.2,
        direction="at most",
        measure=lambda run: run.ratio("request", "unmetered", "limited"),
    ),
    Figure(
        name="flushed_cpu_per_request_vs_unmetered",
        unit="ratio",
        target=1.6,
        direction="at most",
        measure=lambda run: run.ratio("request", "unmetered", "flushed"),
    ),
    Figure(
        name="limited_cpu_per_chunk_vs_unmetered",
        unit="ratio",
        target=1.05,  # a stream's own record, spread over its chunks, and what windows differ by
        direction="at most",
        measure=lambda run: run.ratio("chunk", "unmetered", "limited"),
    ),
]
