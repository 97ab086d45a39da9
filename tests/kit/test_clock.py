from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hearth.kit.clock import from_ns, from_rfc3339, to_ns, to_rfc3339, utc_now

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (NOON, "2026-01-31T12:00:00Z"),
        (NOON.replace(microsecond=5000), "2026-01-31T12:00:00.005Z"),
        (NOON.replace(microsecond=5), "2026-01-31T12:00:00.000005Z"),
        (NOON.astimezone(timezone(timedelta(hours=2))), "2026-01-31T12:00:00Z"),
    ],
)
def test_a_moment_is_written_as_protobuf_does_and_read_back(moment: datetime, written: str) -> None:
    assert to_rfc3339(moment) == written
    assert from_rfc3339(written) == moment


@pytest.mark.parametrize("text", ["2026-01-31t14:00:00+02:00", "2026-01-31 12:00:00.000000000z"])
def test_other_spellings_of_rfc_3339_are_read(text: str) -> None:
    assert from_rfc3339(text) == NOON


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-31", "2026-01-31T12:00:00", "20260131T120000Z", "2026-02-31T12:00:00Z",
     "0001-01-01T00:00:00+01:00", "2026-01-31T12:00:00Z\n", "\uff12026-01-31T12:00:00Z"],
)  # fmt: skip
def test_what_names_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|years|day|month"):
        from_rfc3339(text)


def test_the_machines_clock_says_its_zone() -> None:
    assert utc_now().tzinfo is UTC


def test_nanoseconds_since_the_epoch_are_exact_both_ways() -> None:
    moment = datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-14)))

    assert to_ns(NOON) == 1_769_860_800 * 10**9
    assert to_ns(moment) % 10**9 == 999_999_000
    assert from_ns(to_ns(moment)) == moment
    assert from_ns(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
