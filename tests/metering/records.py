"""Records to write: request `n` has counts that follow from `n`, so a mix-up shows."""

from __future__ import annotations

from hypothesis import strategies as st

from hearth.metering import Begin, Outcome, Settle

START_NS = 1_700_000_000 * 10**9


def begin(n: int, *, name: str = "r", account_id: str = "acme") -> Begin:
    return Begin(
        request_id=f"{name}-{n}",
        time_ns=START_NS + n,
        account_id=account_id,
        user_id="ada",
        key_id="key-1",
        model="accounts/fireworks/models/large",
        served_by="accounts/fireworks/models/small",
        route="/chat/completions",
        max_tokens=None if n % 2 else n,
    )


def settle(n: int, *, name: str = "r", outcome: Outcome = Outcome.STOP) -> Settle:
    return Settle(
        request_id=f"{name}-{n}",
        time_ns=START_NS + n + 10**9,
        outcome=outcome,
        prompt_tokens=n + 1,
        cached_tokens=n % 3,
        completion_tokens=2 * n + 1,
        http_status=200,
        replica_id="replica-1",
    )


TEXTS = st.text(max_size=40, alphabet=st.characters(codec="utf-8", exclude_characters="\0"))
COUNTS = st.integers(0, 2**53)

BEGINS = st.builds(
    Begin,
    request_id=TEXTS,
    time_ns=COUNTS,
    account_id=TEXTS,
    user_id=TEXTS,
    key_id=TEXTS,
    model=TEXTS,
    served_by=TEXTS,
    route=TEXTS,
    max_tokens=st.none() | COUNTS,
)
SETTLES = st.builds(
    Settle,
    request_id=TEXTS,
    time_ns=COUNTS,
    outcome=st.sampled_from(Outcome),
    prompt_tokens=COUNTS,
    cached_tokens=COUNTS,
    completion_tokens=COUNTS,
    http_status=st.integers(0, 599),
    replica_id=TEXTS,
)
RECORDS = st.lists(BEGINS | SETTLES, max_size=20)
