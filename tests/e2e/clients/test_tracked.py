"""Clients of other packages, wrapped by `hearth.client`: their usage is what the server said."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.house.source import ROOT
from tests.running import RunningHearth

OURS = str(ROOT / "src")
"Enough for their environments: what `hearth.client` needs there is the standard library."


@pytest.fixture(scope="module")
def facts(hearth: RunningHearth, fireworks_environment: Environment) -> Facts:
    base_url = f"{hearth.url}/inference/v1"
    keys = keys_of(hearth)
    program = "fireworks_tracked.py"
    return run_python(fireworks_environment, program, base_url, PYTHONPATH=OURS, **keys)


@pytest.mark.parametrize(("form", "kind"), [("sync", "Fireworks"), ("async", "AsyncFireworks")])
def test_clients_of_fireworks_ai_are_counted_and_measured(
    facts: Facts, form: str, kind: str
) -> None:
    found = facts[form]

    counted = found["counted"]
    assert found["kind"] == kind
    assert (counted["requests"], counted["requests_without_usage"]) == (5, 0)
    assert counted["prompt_tokens"] == found["prompt_tokens"] > 0
    assert counted["completion_tokens"] == found["completion_tokens"] > 0
    assert counted["cost_nano"] == 200 * counted["tokens"]
    assert found["first_tokens"] == [False, True, False, True, False, False]
    assert found["errors"][:5] == [None] * 5
    assert found["errors"][5].startswith("NotFoundError: ")


@pytest.mark.slow
def test_the_old_clients_are_counted(
    hearth: RunningHearth, old_fireworks_environment: Environment
) -> None:
    facts = run_python(
        old_fireworks_environment,
        "fireworks_old_tracked.py",
        **keys_of(hearth),
        PYTHONPATH=OURS,
        FIREWORKS_API_BASE=f"{hearth.url}/inference/v1",
    )

    assert (facts["counted"]["requests"], facts["counted"]["requests_without_usage"]) == (4, 0)
    assert facts["counted"]["unpriced"] == []
    assert facts["counted"]["prompt_tokens"] == facts["prompt_tokens"] > 0
    assert facts["counted"]["completion_tokens"] == facts["completion_tokens"] > 0
