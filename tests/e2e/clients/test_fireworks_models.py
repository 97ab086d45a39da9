"""Models of one's own, as `fireworks-ai` 1.2 makes, uploads, calls and deletes them."""

from __future__ import annotations

import pytest

from tests.catalog.peft_folders import random_matrices, write_peft
from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.engines.models import smollm2_path, write_tiny_model
from tests.running import RunningHearth

BASE = "accounts/fireworks/models/smollm2-135m-instruct"


@pytest.fixture(scope="module")
def facts(
    real_hearth: RunningHearth,
    fireworks_environment: Environment,
    tmp_path_factory: pytest.TempPathFactory,
) -> Facts:
    folder = tmp_path_factory.mktemp("mine")
    gguf = write_tiny_model(folder / "tiny.gguf")
    write_peft(folder / "adapter", random_matrices(smollm2_path()))
    arguments = [real_hearth.url, str(gguf), str(folder / "adapter")]
    return run_python(
        fireworks_environment, "fireworks_models.py", *arguments, **keys_of(real_hearth)
    )


def test_an_uploaded_model_answers_at_once(facts: Facts) -> None:
    base = facts["base"]

    assert base["made"]["state"] == "UPLOADING"
    assert base["validated"] == {"warnings": []}
    assert base["answered"] == base["made"]["name"]
    assert base["finish_reason"] in ("length", "stop")
    assert base["found"]["state"] == "READY"


def test_it_is_changed_downloaded_prepared_and_deleted(facts: Facts) -> None:
    base = facts["base"]

    assert base["changed"]["displayName"] == "z"
    assert base["is_same"] == {"tiny.gguf": True}
    assert base["made"]["name"] in base["listed"]
    assert "FP16" in base["found"]["precisions"]
    assert base["refused"]["status"] == 400
    assert "FP8" in base["refused"]["message"]
    assert base["gone"]["status"] == 404


def test_an_adapter_is_ready_for_its_base(facts: Facts) -> None:
    lora = facts["lora"]

    assert lora["missing"]["status"] == 400
    assert lora["found"]["state"] == "READY"
    assert lora["found"]["peftDetails"]["baseModel"] == BASE


def test_the_catalogue_is_filtered_and_ordered_over_pages(facts: Facts) -> None:
    catalogue = facts["catalogue"]

    assert catalogue["kinds"] == ["HF_BASE_MODEL"]
    assert len(catalogue["times"]) > 4
    assert catalogue["times"] == sorted(catalogue["times"], reverse=True)
