"""GET /openapi.json: a valid document of the inference plane that follows the decoders."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from hearth.app import route_table
from hearth.gateway.openapi import BODIES, document
from tests.gateway.test_chat import ASK
from tests.running import RunningHearth

Json = dict[str, Any]  # Any: JSON


@pytest.fixture(scope="module")
def described(hearth: RunningHearth) -> Json:
    """The document, asked for without a key."""
    answer = httpx.get(f"{hearth.url}/openapi.json")
    assert answer.status_code == 200
    found: Json = answer.json()
    return found


def schema_of(described: Json, reference: str) -> Json:
    """A component with the means to resolve what it refers to."""
    return {"$ref": reference, "components": described["components"]}


def test_it_is_valid_openapi_and_needs_no_key(described: Json) -> None:
    OpenAPIV31SpecValidator(described).validate()

    assert described["openapi"].startswith("3.1.")


def test_every_route_of_the_inference_plane_is_in_it_and_no_other(described: Json) -> None:
    listed = {
        (method, path.replace(":path", ""))
        for method, path, _ in route_table()
        if not path.startswith(
            (
                "/accounts",
                "/creditCodes",
                "/verifyApiKey",
                "/objects",
                "/validateModelConfig",
                "/healthz",
                "/readyz",
                "/metrics",
            )
        )
    }

    shown = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert shown == listed - {("GET", "/openapi.json")}


def test_every_post_says_what_body_it_takes() -> None:
    described = document(route_table(), BODIES, is_strict=False)

    posts = {path for path, item in described["paths"].items() if "post" in item}
    assert posts == set(BODIES), "a new route needs its line in gateway/openapi.py"


def test_a_body_the_server_takes_fits_its_schema_and_a_bad_one_does_not(described: Json) -> None:
    operation = described["paths"]["/chat/completions"]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]

    schema = schema_of(described, reference)
    jsonschema.validate(ASK, schema)
    wrong: list[Json] = [{"temperature": 9}, {"messages": []}, {"model": 1}]
    for change in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(ASK | change, schema)


def test_an_error_has_the_form_that_is_described(described: Json, api: httpx.Client) -> None:
    operation = described["paths"]["/chat/completions"]["post"]
    content = operation["responses"]["default"]["content"]["application/json"]

    refused = api.post("/chat/completions", json=ASK | {"temperature": 9})
    jsonschema.validate(refused.json(), schema_of(described, content["schema"]["$ref"]))


def test_unknown_fields_are_described_as_the_server_treats_them() -> None:
    for is_strict in (True, False):
        described = document(route_table(), BODIES, is_strict=is_strict)
        schema = described["components"]["schemas"]["ChatRequest"]
        assert schema.get("additionalProperties", True) is not is_strict
