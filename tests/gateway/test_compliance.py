"""What a deployment under `hipaa` keeps of what it is told: nothing that anyone could find."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.private import (
    ACCOUNT,
    INSIDE,
    MODEL,
    OUTSIDE,
    PrivateHearth,
    eventually,
    host_of,
    private_hearth,
)

NAME = "accounts/dev/deployments/clinic"
HOST = host_of("clinic")
SECRET = "Grizelda-Quetzalcoatl-has-a-cough"
CHAT = {"messages": [{"role": "user", "content": SECRET}], "max_tokens": 24}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateHearth]:
    home = tmp_path_factory.mktemp("compliance") / "home"
    with private_hearth(home, is_tls=True, log_requests="true", log_level="debug") as site:
        site.make_group("sg-67890", f"{INSIDE}/32")
        site.deploy(
            "clinic", vpcId="vpc-12345", securityGroups=["sg-67890"], complianceMode="hipaa"
        )
        with site.client(host=HOST) as client:
            eventually(lambda: site.ask("hello", client).status_code == 200, limit_s=10)
        yield site


@pytest.fixture
def clinic(site: PrivateHearth) -> Iterator[httpx.Client]:
    with site.client(host=HOST) as client:
        yield client


def test_requests_come_over_tls_and_in_plain_text_not_at_all(
    site: PrivateHearth, clinic: httpx.Client
) -> None:
    assert site.ask("hello", clinic, NAME).status_code == 200
    assert site.ask("hello", clinic, NAME, stream=True).text.endswith("data: [DONE]\n\n")
    with socket.create_connection((INSIDE, site.hearth.port), timeout=10) as plain:
        plain.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not plain.recv(100).startswith(b"HTTP/")


def test_versions_of_tls_that_are_broken_are_not_spoken(site: PrivateHearth) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    with (
        socket.create_connection((INSIDE, site.hearth.port), timeout=10) as plain,
        pytest.raises(OSError),  # noqa: PT011  which one, OpenSSL decides
    ):
        context.wrap_socket(plain)


def test_no_answer_is_repeated(site: PrivateHearth, clinic: httpx.Client) -> None:
    ask = {"temperature": 0, "response_cache": True}
    with site.client() as api:
        others = [site.ask("hello", api, MODEL, **ask).headers for _ in range(2)]
    ours = [site.ask("hello", clinic, NAME, **ask).headers for _ in range(2)]

    assert others[1]["x-hearth-response-cache"] == "hit"
    for headers in ours:
        assert "x-hearth-response-cache" not in headers
        assert "response_cache" in headers["x-ignored-fields"]


def test_no_conversation_is_stored(site: PrivateHearth, clinic: httpx.Client) -> None:
    asked = {"model": NAME, "input": SECRET}
    plain = clinic.post("/v1/responses", json=asked)
    wished = clinic.post("/v1/responses", json=asked | {"store": True})

    assert (plain.status_code, plain.json()["store"]) == (200, False)
    assert "x-ignored-fields" not in plain.headers
    assert wished.json()["store"] is False
    assert wished.headers["x-ignored-fields"] == "store"
    with site.client() as api:
        assert api.get("/v1/responses").json()["data"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"previous_response_id": "resp_1"},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
    ],
)
def test_no_stored_conversation_is_gone_on_with(
    site: PrivateHearth, clinic: httpx.Client, change: dict[str, Any]
) -> None:
    with site.client() as api:
        kept = api.post("/v1/responses", json={"model": MODEL, "input": "hello"}).json()
    body = {"model": NAME, "input": "hi"} | change
    if "previous_response_id" in body:
        body["previous_response_id"] = kept["id"]

    refused = clinic.post("/v1/responses", json=body)

    assert refused.status_code == 400
    assert "stores no conversation" in refused.json()["error"]["message"]
    with site.client() as api:
        api.delete(f"/v1/responses/{kept['id']}")


def everything_said(site: PrivateHearth) -> str:
    """All that the processes wrote and all that lies in the home, as text."""
    said = ["".join(site.hearth.output)]
    said += [path.read_bytes().decode("latin-1") for path in site.files()]
    return "\n".join(said)


def test_what_was_said_is_nowhere(site: PrivateHearth, clinic: httpx.Client) -> None:
    answers = []
    bodies: dict[str, dict[str, Any]] = {
        "chat/completions": {**CHAT, "ignore_eos": True},
        "completions": {"prompt": SECRET, "max_tokens": 24},
        "messages": {**CHAT, "system": SECRET},
        "responses": {"input": SECRET, "store": True, "metadata": {"patient": SECRET}},
        "embeddings": {"input": SECRET},
        "rerank": {"query": SECRET, "documents": [SECRET]},
    }
    for route, body in bodies.items():
        asked = {"model": NAME, **body}
        answers.append(clinic.post(f"/v1/{route}", json=asked))
        clinic.post(f"/v1/{route}", json=asked | {"stream": True, "user": SECRET})
        clinic.post(f"/v1/{route}", json=asked | {"max_tokens": SECRET, "temperature": SECRET})
        clinic.post(f"/v1/{route}", json=body | {"model": SECRET})
        # To everybody's endpoint by mistake, and from where nobody is let in.
        for elsewhere in (site.client(), site.client(OUTSIDE, host=HOST)):
            with elsewhere:
                assert elsewhere.post(f"/v1/{route}", json=asked).status_code in (400, 404)
    text = answers[0].json()["choices"][0]["message"]["content"]
    with site.client() as api:
        marker = "Everybody-may-read-this"
        spoken = site.ask(marker, api, MODEL)
        assert spoken.status_code == 200
        eventually(lambda: marker in "".join(site.hearth.output))

    said = everything_said(site)

    assert len(text) > 30
    assert text not in said
    assert SECRET not in said
    assert "body withheld" in said


def test_the_audit_log_says_once_an_hour_who_asked_and_not_what(
    site: PrivateHearth, clinic: httpx.Client
) -> None:
    for _ in range(3):
        assert site.ask(SECRET, clinic, NAME).status_code == 200

    with site.client() as api:
        listed = api.get(
            f"{ACCOUNT}/auditLogs",
            params={"filter": f'method = "AccessDeployment" AND client_ip = "{INSIDE}"'},
        ).json()["auditLogs"]
    (entry,) = [each for each in listed if each["payload"] == {"outcome": "served"}]
    assert entry["resource"] == NAME
    assert entry["principal"] == "accounts/dev/users/dev"
    assert SECRET not in str(listed)


def test_it_runs_in_certified_regions_alone(site: PrivateHearth) -> None:
    with site.client() as api:
        path = f"{ACCOUNT}/deployments"
        clinic = api.get(f"{path}/clinic").json()
        explained = api.get(f"{path}/clinic:explain").json()["explanation"]
        excluded = [each for each in explained if each["verdict"] == "not_certified"]
        region = excluded[0]["candidate"].partition("/")[0]
        body = {
            "baseModel": MODEL,
            "placement": {"region": region},
            "vpc": {"complianceMode": "hipaa"},
        }
        refused = api.post(path, json=body)

    assert clinic["region"]
    assert clinic["region"] not in {each["candidate"].partition("/")[0] for each in excluded}
    assert refused.status_code == 400, refused.text
    assert "hipaa" in refused.json()["message"]


def test_every_view_says_that_emulated_compliance_is_emulated(
    site: PrivateHearth, clinic: httpx.Client
) -> None:
    with site.client() as api:
        found = api.get(f"{ACCOUNT}/deployments/clinic").json()

    assert found["emulated"] is True
    assert "hipaa is emulated, too" in found["status"]["message"]
    assert site.ask("hello", clinic).headers["x-hearth-emulated"]
