"""`fireworks.client` 0.19 and the service class of the Fireworks examples, unmodified."""

from __future__ import annotations

import pytest

from tests.e2e.clients.driven import keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

SENTENCE = "Model not found, inaccessible, and/or not deployed"


@pytest.mark.slow
def test_the_old_client_chats_streams_completes_and_lists_models(
    hearth: RunningHearth, old_fireworks_environment: Environment
) -> None:
    facts = run_python(
        old_fireworks_environment,
        "readme.py",
        **keys_of(hearth),
        FIREWORKS_API_BASE=f"{hearth.url}/inference/v1",
    )

    assert facts["text"]
    assert facts["streamed"] == facts["text"]
    assert facts["stream_total"] == facts["total"]
    assert facts["completion_streamed"] == facts["completion"]
    assert "accounts/fireworks/models/llama-v3p1-8b-instruct" in facts["models"]
    assert SENTENCE in facts["missing"]
    assert facts["key"]
