"""What goes wrong is said clearly, in the shape of the route's family."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.gateway.test_chat import ASK
from tests.running import RunningHearth


def error_of(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert body["request_id"] == response.headers["x-request-id"]
    error: dict[str, Any] = body["error"]
    assert error["message"]
    return error


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"top_k": 1000}, "top_k"),
        ({"stop": ["1", "2", "3", "4", "5"]}, "stop"),
        ({"stop": ""}, "stop"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": "hello"}, "messages"),
        ({"model": ""}, "model"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"999999": 1}}, "logit_bias"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"reasoning_effort": "hard"}, "reasoning_effort"),
        ({"extra_body": {"reasoning_effort": "hard"}}, "reasoning_effort"),
        ({"typical_p": 0.5}, "typical_p"),
        ({"extra_body": 3}, "extra_body"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
        ),
    ],
)
def test_a_bad_field_is_a_400_that_names_it(
    api: httpx.Client, change: dict[str, Any], param: str
) -> None:
    response = api.post("/chat/completions", json=ASK | change)

    assert response.status_code == 400
    error = error_of(response)
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("field", ["model", "messages"])
def test_a_missing_field_is_named(api: httpx.Client, field: str) -> None:
    body = {name: value for name, value in ASK.items() if name != field}

    response = api.post("/chat/completions", json=body)

    assert response.status_code == 400
    assert error_of(response)["param"] == field


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b'{"model":"\\ud800"}', b"[" * 100_000]
)
def test_a_body_that_is_no_json_object_is_a_400(api: httpx.Client, body: bytes) -> None:
    response = api.post("/chat/completions", content=body)

    assert response.status_code == 400
    error_of(response)


def test_an_unknown_model_gets_the_sentence_that_clients_compare(api: httpx.Client) -> None:
    response = api.post("/chat/completions", json=ASK | {"model": "accounts/x/models/none"})

    assert response.status_code == 404
    error = error_of(response)
    assert error["message"] == "Model not found, inaccessible, and/or not deployed"
    assert error["code"] == "NOT_FOUND"
    assert error["details"]


@pytest.mark.parametrize("key", ["", "fw_wrong", "Bearer"])
def test_without_a_good_key_it_is_401(hearth: RunningHearth, key: str) -> None:
    with hearth.client(key=key) as client:
        response = client.post("/chat/completions", json=ASK)

    assert response.status_code == 401
    error = error_of(response)
    assert error["code"] == "UNAUTHORIZED"
    assert "fw_wrong" not in response.text


@pytest.mark.parametrize(
    "header", ["Authorization: Bearer {}", "Authorization: {}", "x-api-key: {}"]
)
def test_a_key_is_taken_in_every_form(hearth: RunningHearth, header: str) -> None:
    name, value = header.format(hearth.credentials["api_key"]).split(": ")

    response = httpx.post(f"{hearth.url}/v1/chat/completions", json=ASK, headers={name: value})

    assert response.status_code == 200


def test_the_wrong_method_is_405_and_an_unknown_path_404(api: httpx.Client) -> None:
    wrong_method = api.get("/chat/completions")
    unknown_path = api.post("/chat/nothing")

    assert wrong_method.status_code == 405
    assert unknown_path.status_code == 404
    assert error_of(unknown_path)["message"] == "Path not found: /chat/nothing"
    assert error_of(unknown_path)["type"] == "error"


def test_control_plane_errors_have_both_bodies(hearth: RunningHearth) -> None:
    with hearth.client() as client:
        response = client.get(f"{hearth.url}/v1/accounts/nobody")

    assert response.status_code == 404
    assert response.json()["code"] == 5
    assert response.json()["error"]["code"] == "NOT_FOUND"
    assert response.json()["message"] == response.json()["error"]["message"]
