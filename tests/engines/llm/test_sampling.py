"""What a request is sampled with: its own settings, else the model's, else the API's."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.engines.engine import Failed
from hearth.engines.llm.gguf_metadata import MetadataValue
from hearth.engines.llm.request_checks import check_request
from hearth.engines.llm.sampling import API_DEFAULTS, check_sampling, model_defaults, resolved
from hearth.engines.protocol import Capabilities, GenerateRequest, Sampling

NOTHING = Capabilities()
SETTINGS: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "min_p": 0.1,
    "typical_p": 0.5,
    "frequency_penalty": 1.0,
    "presence_penalty": 1.0,
    "repetition_penalty": 1.2,
    "mirostat_target": 3.0,
    "mirostat_lr": 0.1,
    "logit_bias": {1: 1.0},
}


def test_the_table_covers_every_field() -> None:
    assert set(SETTINGS) == set(Sampling.__struct_fields__)


@pytest.mark.parametrize("field", SETTINGS)
def test_a_field_the_engine_lacks_is_refused_by_name(field: str) -> None:
    with pytest.raises(Failed) as refused:
        check_sampling(Sampling(**{field: SETTINGS[field]}), NOTHING, vocabulary_size=10)

    assert refused.value.failure.param == field
    assert field in refused.value.failure.message


@pytest.mark.parametrize(
    ("fields", "param"), [({"ignore_eos": True}, "ignore_eos"), ({"prompt": [1]}, "prompt")]
)
def test_other_fields_the_engine_lacks_are_refused_too(fields: dict[str, Any], param: str) -> None:
    defaults: dict[str, Any] = {"prompt": "x", "seed": 1}
    request = GenerateRequest(**(defaults | fields))

    with pytest.raises(Failed) as refused:
        check_request(request, NOTHING, vocabulary_size=10)

    assert refused.value.failure.param == param


def test_defaults_are_the_requests_then_the_models_then_the_apis() -> None:
    defaults = model_defaults({"general.sampling.temp": 0.6, "general.sampling.top_k": 20})

    got = resolved(Sampling(temperature=0.2, presence_penalty=1.0), defaults)

    assert (got.temperature, got.top_k, got.top_p, got.min_p) == (0.2, 20, 1.0, 0.0)
    assert got.presence_penalty == 1.0
    assert resolved(Sampling(), model_defaults({})) == API_DEFAULTS


def test_nonsense_in_a_models_metadata_is_not_taken() -> None:
    metadata: dict[str, MetadataValue] = {
        "general.sampling.temp": -3.0,
        "general.sampling.top_p": "much",
    }

    assert model_defaults(metadata) == API_DEFAULTS
