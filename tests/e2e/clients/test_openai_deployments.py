"""A deployment under the names that `openai` gives it: retrieved and asked like any model."""

from __future__ import annotations

from tests.deployments.traffic import Deployments
from tests.e2e.clients.driven import keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

BASE = "accounts/fireworks/models/llama-v3p1-8b-instruct"


def test_a_deployment_is_a_model_of_another_name(
    hearth: RunningHearth, openai_environment: Environment
) -> None:
    deployments = Deployments(hearth)
    name = deployments.create("by-openai", baseModel=BASE)["name"]
    deployments.wait_ready("by-openai", 1)

    facts = run_python(
        openai_environment,
        "openai_deployments.py",
        f"{hearth.url}/inference/v1",
        name,
        BASE,
        **keys_of(hearth),
    )
    deployments.api.delete("/deployments/by-openai?hard=true&ignoreChecks=true")
    deployments.api.close()

    for about, called in ((facts["alone"], name), (facts["of_model"], f"{BASE}#{name}")):
        assert about["retrieved"]["id"] == about["answered"] == called
        assert about["retrieved"]["callable"] is True
        assert about["retrieved"]["supports_chat"] is True
        assert about["finish_reason"] in ("stop", "length")
    assert facts["missing"]["code"] == "NOT_FOUND"
    assert "firectl list deployments" in facts["missing"]["details"]
