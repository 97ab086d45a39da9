"""Every route asks every role for its permission: none is forgotten, whoever adds it.

A route that is not named here is held to the rule: reading takes `read`, changing takes `write`,
or `deploy` for what holds accelerators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from hearth.accounts import Permission, Role
from hearth.accounts.roles import OF_PRESET, permissions_of
from hearth.app import route_table
from tests.e2e.commands import hearth_command
from tests.gateway.limited import MODEL
from tests.running import RunningHearth

ACCOUNT = "roles"
NOBODY = "nobody-is-called-so"
ANYONE = None

OPEN = {"/healthz", "/readyz", "/metrics", "/openapi.json"}
"Need no key."
SIGNED = "/objects/"
"Opened by the signature in the link itself."

DEPLOYING = {"deployments", "deployedModels", "deploymentShapes", "routers"}
NAMED: list[tuple[str, str, Permission | None]] = [
    (r"POST|GET|DELETE", r"/responses.*", Permission.INFER),
    (r"POST", r"/(chat/)?completions|/messages|/embeddings|/rerank", Permission.INFER),
    (r"GET", r"/models.*|/verifyApiKey|/accounts|/accounts/{account_id}", ANYONE),
    (r"POST", r"/validateModelConfig|.*/deploymentShapeVersions:match", Permission.READ),
    (r"GET", r".*/models/.*:validateUpload", Permission.WRITE),
    (r"POST|PATCH|DELETE", r".*/securityGroups.*", Permission.ADMIN),
    (r"POST", r"/creditCodes:redeem", Permission.BILLING),
    (r"PATCH|DELETE", r".*/quotas/{quota_id}", Permission.BILLING),
    (r"GET", r".*/users/{user_id}/.*quotas.*", Permission.BILLING),
    (r"GET", r".*/billing/trialBalance", Permission.BILLING),
    (r"GET", r".*/auditLogs", Permission.AUDIT),
    (r".*", r".*/apiKeys.*", Permission.ADMIN),
    (r"POST|PATCH|DELETE", r".*/users.*", Permission.ADMIN),
]


def needed(method: str, path: str) -> Permission | None:
    """What a route asks for; the first row that fits says it."""
    for methods, paths, permission in NAMED:
        if re.fullmatch(methods, method) and re.fullmatch(paths, path):
            return permission
    if method == "GET":
        return Permission.READ
    collection = re.match(r"/accounts/{account_id}/(\w+)", path)
    is_deploying = collection is not None and collection.group(1) in DEPLOYING
    return Permission.DEPLOY if is_deploying else Permission.WRITE


def rows() -> list[tuple[str, str]]:
    return [
        (method, path)
        for method, path, _ in route_table()
        if path not in OPEN and not path.startswith(SIGNED)
    ]


@pytest.fixture(scope="module")
def clients(hearth: RunningHearth) -> Iterator[dict[tuple[Role, str], httpx.Client]]:
    """A client of each role and each preset, in an account of their own."""
    made = hearth_command(hearth.home, "keys", "create", "--account", ACCOUNT, "--user", "root")
    assert made.returncode == 0, made.stderr
    kinds: list[tuple[Role, str]] = [(role, "") for role in Role if role is not Role.CUSTOM]
    kinds += [(Role.CUSTOM, preset) for preset in OF_PRESET]
    clients: dict[tuple[Role, str], httpx.Client] = {}
    with hearth.client(key=made.stdout.strip()) as root:
        while root.get("/verifyApiKey").status_code == 401:
            pass  # the gateway learns of a key that a command made within half a second
        for role, preset in kinds:
            user_id = f"is-{preset or role}"
            users = f"/accounts/{ACCOUNT}/users"
            body = {"role": role, "permissionPreset": preset}
            assert root.post(f"{users}?userId={user_id}", json=body).status_code == 200
            key = root.post(f"{users}/{user_id}/apiKeys", json={"apiKey": {}}).json()["key"]
            clients[role, preset] = hearth.client(key=key)
    yield clients
    for client in clients.values():
        client.close()


@pytest.mark.parametrize(("method", "path"), rows())
def test_a_route_lets_in_who_has_its_permission_and_nobody_else(
    clients: dict[tuple[Role, str], httpx.Client], method: str, path: str
) -> None:
    target = path.replace("{account_id}", ACCOUNT)
    target = re.sub(r"{\w+(:\w+)?}", NOBODY, target)
    permission = needed(method, path)
    wrong = {}
    for (role, preset), client in clients.items():
        answer = client.request(method, target)
        may = permission is ANYONE or permission in permissions_of(role, preset)
        is_refused = answer.status_code == 403 and "This needs the permission" in answer.text
        if answer.status_code == 401 or is_refused is may:
            wrong[f"{role} {preset}"] = (answer.status_code, answer.text[:200])

    assert not wrong


@pytest.mark.parametrize("path", [path for method, path in rows() if "{" not in path])
def test_a_route_needs_a_key(hearth: RunningHearth, path: str) -> None:
    methods = [method for method, each in rows() if each == path]
    with hearth.client(key="") as nobody:
        assert {nobody.request(method, path).status_code for method in methods} == {401}


def test_a_key_that_may_not_infer_is_told_so_in_each_apis_words(
    clients: dict[tuple[Role, str], httpx.Client],
) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    refused = clients[Role.CUSTOM, "read-only"].post("/chat/completions", json=body)
    anthropic = clients[Role.CUSTOM, "read-only"].post("/messages", json=body)
    answered = clients[Role.INFERENCE_USER, ""].post("/chat/completions", json=body)

    assert [refused.status_code, anthropic.status_code, answered.status_code] == [403, 403, 200]
    assert "needs the permission 'infer', which" in refused.json()["error"]["message"]
    assert anthropic.json()["error"]["type"] == "permission_error"
