"""Where private deployments answer, and to whom; each test tries to get in where it must not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.private import (
    ACCOUNT,
    INSIDE,
    MODEL,
    OUTSIDE,
    PROXY,
    PrivateHearth,
    eventually,
    host_of,
    private_hearth,
)

NAME = "accounts/dev/deployments/vault"
HOST = host_of("vault")
NOTHING = {"Nothing of this name answers here."}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateHearth]:
    home = tmp_path_factory.mktemp("private") / "home"
    with private_hearth(home, is_tls=False, gateways="2") as site:
        site.make_group("sg-inside", f"{INSIDE}/32")
        site.deploy("vault", vpcId="vpc-12345", securityGroups=["sg-inside"])
        with site.client(host=HOST) as client:
            eventually(lambda: site.ask("hello", client).status_code == 200, limit_s=10)
        yield site


@pytest.fixture(scope="module")
def port(site: PrivateHearth) -> int:
    """The deployment's own."""
    with site.client() as api:
        vpc = api.get(f"{ACCOUNT}/deployments/vault").json()["vpc"]
    assert vpc["port"] in site.ports
    assert vpc["endpoint"] == f"http://127.0.0.1:{vpc['port']}"
    return int(vpc["port"])


def told(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    return answer.status_code, error.get("details") or error["message"]


@pytest.mark.parametrize(
    "model", [NAME, "vault", MODEL, f"accounts/fireworks/models/{MODEL}#{NAME}", f"{MODEL}#vault"]
)
def test_it_answers_at_its_host_name_and_at_its_port(
    site: PrivateHearth, port: int, model: str
) -> None:
    for where in ({"host": HOST}, {"host": HOST.upper() + ".:80"}, {"port": port}):
        with site.client(**where) as client:
            answer = site.ask("hello", client, model)

        assert answer.status_code == 200, answer.text
        assert answer.headers["fireworks-deployment"] == NAME


@pytest.mark.parametrize("model", [NAME, f"{MODEL}#{NAME}", "vault"])
def test_at_everybodys_endpoint_it_does_not_exist(site: PrivateHearth, model: str) -> None:
    other = model.replace("vault", "never-made")
    for host in ("", "vault", f"{HOST}.evil.example", "127.0.0.1"):
        with site.client(host=host) as client:
            status, message = told(site.ask("hello", client, model))
            absent = told(site.ask("hello", client, other))

        assert (status, message.replace("vault", "never-made")) == absent
        assert status == 404


def test_nothing_else_answers_at_its_endpoint(site: PrivateHearth, port: int) -> None:
    for where in ({"host": HOST}, {"port": port}, {"port": port, "host": "127.0.0.1"}):
        with site.client(**where) as client:
            assert told(site.ask("hi", client, "smollm2-135m-instruct")) == (404, *NOTHING)
            for path in ("/v1/accounts/dev", "/healthz", "/metrics", "/v1/responses/x", "/"):
                assert client.get(path).status_code == 404
            listed = client.get("/v1/models").json()["data"]
            assert [each["id"] for each in listed] == [NAME]
            assert client.get(f"/v1/models/{NAME}").json()["id"] == NAME
            assert client.get("/v1/models/smollm2-135m-instruct").status_code == 404
            assert client.delete("/v1/models").status_code == 405


def test_everybodys_endpoint_does_not_list_it(site: PrivateHearth) -> None:
    with site.client() as client:
        assert "vault" not in client.get("/v1/models").text
        assert client.get(f"/v1/models/{NAME}").status_code == 404


def test_a_private_host_or_port_of_nobody_answers_nothing(site: PrivateHearth) -> None:
    for host in (host_of("gone"), "private.hearth.internal"):
        with site.client(host=host) as client:
            assert told(site.ask("hello", client)) == (404, *NOTHING)
            assert client.get("/v1/models").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Forwarded-For": INSIDE},
        {"X-Forwarded-For": f"{INSIDE}, {INSIDE}"},
        {"Forwarded": f"for={INSIDE}"},
        {"X-Real-IP": INSIDE},
        {"X-Client-IP": INSIDE, "True-Client-IP": INSIDE, "CF-Connecting-IP": INSIDE},
        {"X-Forwarded-Host": HOST, "X-Forwarded-Proto": "https"},
    ],
)
def test_from_outside_it_is_like_one_that_does_not_exist_whatever_headers_say(
    site: PrivateHearth, port: int, headers: dict[str, str]
) -> None:
    for where in ({"host": HOST}, {"port": port}):
        with site.client(OUTSIDE, **where) as client:
            client.headers.update(headers)
            for model in (NAME, MODEL, "smollm2-135m-instruct"):
                assert told(site.ask("hello", client, model)) == (404, *NOTHING)
            broken = client.post("/v1/chat/completions", json={"model": NAME, "messages": []})
            assert broken.status_code == 404 or "deployment" not in broken.text
            listed = client.get("/v1/models")
        with site.client(OUTSIDE, host=host_of("gone")) as client:
            absent = client.get("/v1/models")
        assert told(listed) == told(absent)


ROUTES: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "completions": {"prompt": "hi"},
    "messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4},
    "responses": {"input": "hi"},
    "embeddings": {"input": "hi"},
    "rerank": {"query": "hi", "documents": ["a"]},
}


@pytest.mark.parametrize("route", ROUTES)
def test_no_route_of_inference_lets_in_who_is_outside(site: PrivateHearth, route: str) -> None:
    body = {"model": NAME, **ROUTES[route]}
    for address, host in ((OUTSIDE, HOST), (INSIDE, ""), (OUTSIDE, "")):
        with site.client(address, host=host) as client:
            assert client.post(f"/v1/{route}", json=body).status_code == 404
    with site.client(host=HOST) as client:
        assert client.post(f"/v1/{route}", json=body).status_code != 404


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([("X-Forwarded-For", INSIDE)], 200),
        ([("X-Forwarded-For", f"{OUTSIDE}, {INSIDE}")], 200),
        ([("X-Forwarded-For", f"{INSIDE}, {PROXY}")], 200),
        ([("Forwarded", f"for={INSIDE}")], 200),
        ([("X-Forwarded-For", f"{INSIDE}, {OUTSIDE}")], 404),
        ([("X-Forwarded-For", INSIDE), ("X-Forwarded-For", OUTSIDE)], 404),
        ([("X-Forwarded-For", OUTSIDE), ("X-Forwarded-For", PROXY)], 404),
        ([("X-Forwarded-For", OUTSIDE), ("Forwarded", f"for={INSIDE}")], 404),
        ([("X-Forwarded-For", "inside")], 404),
        ([], 404),
    ],
)
def test_a_trusted_proxy_speaks_for_who_spoke_to_it(
    site: PrivateHearth, lines: list[tuple[str, str]], status: int
) -> None:
    with site.client(PROXY, host=HOST) as client:
        key = client.headers["authorization"]
        headers = [("authorization", key), ("host", HOST), *lines]
        body = {"model": NAME, "messages": [{"role": "user", "content": "hi"}]}
        answer = client.post("/v1/chat/completions", json=body, headers=headers)

    assert answer.status_code == status, answer.text


def test_another_accounts_key_finds_nothing(site: PrivateHearth, other_key: str) -> None:
    with site.client(host=HOST, key=other_key) as client:
        eventually(lambda: told(site.ask("hello", client, NAME)) == (404, *NOTHING))
        assert client.get("/v1/models").status_code == 404
    with site.client(key=other_key) as client:
        eventually(lambda: site.ask("hello", client, NAME).status_code == 404)
    with site.client(host=HOST, key="fw_wrong") as client:
        assert site.ask("hello", client, NAME).status_code == 401


@pytest.fixture(scope="module")
def other_key(site: PrivateHearth) -> str:
    from tests.e2e.commands import hearth_command

    made = hearth_command(site.hearth.home, "keys", "create", "--account", "other")
    assert made.returncode == 0, made.stderr
    (key,) = [word for word in made.stdout.split() if word.startswith("fw_")]
    return key


def test_a_group_that_is_emptied_counts_at_every_gateway_soon(
    site: PrivateHearth,
) -> None:
    site.make_group("sg-later", f"{INSIDE}/32")
    site.deploy("later", securityGroups=["sg-later"])
    host = host_of("later")
    with site.client(host=host) as client:
        eventually(lambda: site.ask("hello", client).status_code == 200, limit_s=10)

    def statuses() -> set[int]:
        """Of as many connections as reach both gateways."""
        found = set()
        for _ in range(16):
            with site.client(host=host) as client:
                found.add(site.ask("hello", client).status_code)
        return found

    with site.client() as api:
        path = f"{ACCOUNT}/securityGroups/sg-later"
        assert api.patch(path, json={"ingressCidrs": []}).status_code == 200
        eventually(lambda: statuses() == {404}, limit_s=2.0)
        assert api.patch(path, json={"ingressCidrs": [f"{INSIDE}/32"]}).status_code == 200
        eventually(lambda: statuses() == {200}, limit_s=2.0)
        assert api.delete(f"{ACCOUNT}/deployments/later?ignoreChecks=true").status_code == 200
    eventually(lambda: statuses() == {404}, limit_s=2.0)


def test_compliance_takes_nothing_that_came_in_plain_text(site: PrivateHearth) -> None:
    site.deploy("strict", securityGroups=["sg-inside"], complianceMode="hipaa")
    host = host_of("strict")

    def plain(address: str, **headers: str) -> httpx.Response:
        with site.client(address, host=host) as client:
            client.headers.update(headers)
            return site.ask("hello", client)

    forwarded = {"X-Forwarded-For": INSIDE, "X-Forwarded-Proto": "https"}
    eventually(lambda: plain(PROXY, **forwarded).status_code == 200, limit_s=10)
    refused = plain(INSIDE)

    assert refused.status_code == 403
    assert "over TLS only; nothing of this one was processed" in refused.json()["error"]["message"]
    assert plain(INSIDE, **forwarded).status_code == 403
    assert plain(PROXY, **forwarded | {"X-Forwarded-Proto": "http"}).status_code == 403
    assert plain(PROXY, **{"X-Forwarded-For": INSIDE}).status_code == 403
    assert plain(OUTSIDE, **forwarded).status_code == 404
    with site.client(host=host) as client:
        assert client.get("/v1/models").status_code == 403


def test_who_was_turned_away_is_in_the_log_and_in_the_audit_log(site: PrivateHearth) -> None:
    with site.client("127.0.0.5", host=HOST) as client:
        assert site.ask("open sesame", client).status_code == 404

    def entries() -> list[dict[str, object]]:
        with site.client() as api:
            listed = api.get(
                f"{ACCOUNT}/auditLogs", params={"filter": 'method = "AccessDeployment"'}
            )
        return [each for each in listed.json()["auditLogs"] if each["clientIp"] == "127.0.0.5"]

    eventually(lambda: len(entries()) == 1)
    (entry,) = entries()
    assert entry["resource"] == NAME
    assert entry["status"] == {"code": "PERMISSION_DENIED", "message": ""}
    assert entry["payload"] == {"outcome": "network"}
    lines = [line for line in site.hearth.output if "turned away" in line and "127.0.0.5" in line]
    assert len(lines) == 1
    assert "sesame" not in "".join(site.hearth.output)


def test_an_endpoints_own_connection_stays_its_own_when_it_is_gone(site: PrivateHearth) -> None:
    site.make_group("sg-brief", f"{INSIDE}/32")
    port = site.deploy("brief", securityGroups=["sg-brief"])["vpc"]["port"]

    def answers(client: httpx.Client) -> int:
        try:
            return site.ask("hello", client).status_code
        except httpx.ConnectError:
            return 0

    with site.client(port=port) as client:
        eventually(lambda: answers(client) == 200, limit_s=10)
        with site.client() as api:
            gone = api.delete(f"{ACCOUNT}/deployments/brief?ignoreChecks=true&hard=true")
            assert gone.status_code == 200, gone.text
        eventually(lambda: answers(client) in (0, 404), limit_s=2.0)

    def refuses() -> bool:
        with site.client(port=port) as late:
            return answers(late) == 0

    eventually(refuses, limit_s=2.0)


def test_ordinary_deployments_are_not_touched(site: PrivateHearth) -> None:
    with site.client(OUTSIDE) as client:
        answer = site.ask("hello", client, "smollm2-135m-instruct")

    assert answer.status_code == 200
