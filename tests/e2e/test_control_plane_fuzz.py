"""Every route of the control plane, asked for what makes no sense: it says so, and goes on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hearth.app import route_table
from hearth.gateway.error_shapes import Family, family_of
from tests.running import RunningHearth, running_hearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
ANSWER_LIMIT_S = 10.0
NUM_EXAMPLES = 400
MANY_EXAMPLES = 15_000
ODD_IDS_EACH = 5

ROWS = sorted(
    (method, path) for method, path, _ in route_table() if family_of(path) is Family.CONTROL_PLANE
)
EXISTING = {
    "deployments": "d",
    "models": "m",
    "routers": "r",
    "deploymentShapes": "s",
    "versions": "v1",
    "secrets": "K",
    "users": "u",
    "quotas": "monthly-spend-usd",
    "regions": "us-west-2",
    "invoices": "2026-10",
    "pricingPlans": "tokens",
}
"By collection."
ODD_IDS = [
    "", ".", "..", "-", "*", "a/b", "a:b", "x:scale", "%2e%2e", "a b", "é", "\x00", "\n", "😀",
    "A" * 300, "' OR 1=1 --", "accounts/dev/deployments/d", "d?x=1", "d#x", "${x}", "d\\",
]  # fmt: skip
FIELDS = [
    "name", "displayName", "description", "etag", "annotations", "state", "createTime",
    "expireTime", "baseModel", "autoscalingPolicy", "placement", "acceleratorType",
    "acceleratorCount", "precision", "maxContextLength", "deploymentShape", "enableAddons",
    "engine", "engineOptions", "vpc", "maxTokensPerSecond", "model", "modelId", "kind",
    "peftDetails", "baseModelDetails", "conversationConfig", "filenameToSize", "deployment",
    "deployments", "weightedRandom", "evenLoad", "serverless", "default", "public", "role",
    "email", "permissionPreset", "serviceAccount", "apiKey", "keyId", "keyName", "value",
    "maxValue", "code", "rules", "networks", "config", "snapshot", "validated",
    "createDeploymentRequest", "presetType", "source", "uri", "checkpointId",
]  # fmt: skip
COUNTS = ["minReplicaCount", "maxReplicaCount", "replicaCount"]
QUERIES = [
    "filter", "orderBy", "pageToken", "readMask", "updateMask", "pageSize", "showDeleted",
    "validateOnly", "requestId", "hard", "ignoreChecks", "allowMissing", "startTime", "endTime",
    "timezone", "groupBy", "usageType", "email", "timeRange", "etag", "deploymentId", "routerId",
    "userId", "deploymentShapeId", "targetModel", "replaceMergedAddon", "pending", "priceBook",
]  # fmt: skip
TEXTS = [
    "state = READY", 'name:"d" AND (', "NOT", "(" * 3000, "name=" * 500, "a.b.c > 1", "-x",
    'createTime > "2020-01-01T00:00:00Z"', 'createTime > "soon"', "annotations.x:*", "name desc",
    "name desc, name asc", "state desc,", "*", "name,state", "name.x", "1e999", "2026-13-99",
    "2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00+23:59",
    "Mars/Olympus", "true", "-1", "0", "99999999999999999999", "\x00", "%", "\ufffd", MODEL,
    "NVIDIA_H100_80GB", "FP8", "us-west-2", "d", "e30", "eyJhIjoxfQ==", "1h", "5m", "-1s",
    "admin", "user", "USER_UPLOADED", "HF_PEFT_ADDON", "10.0.0.0/8", "::/129",
]  # fmt: skip

Json = dict[str, Any]  # Any: JSON

texts = st.sampled_from(TEXTS) | st.text(max_size=12)
numbers = st.sampled_from([0, 1, -1, 2**31, 2**53 + 1, -(2**63), 2**64, 10**30, 0.5, -0.0, 1e308])
leaves = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=6,
)
counts: st.SearchStrategy[object] = st.sampled_from([0, 1, -1, 2**40, 1.5, "1", None, [], "many"])
"Of replicas; what is in between would start them."
objects = st.builds(
    lambda fields, replicas: fields | replicas,
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=6),
    st.dictionaries(st.sampled_from(COUNTS), counts, max_size=2),
)
wrapped = st.dictionaries(
    st.sampled_from(["model", "apiKey", "createDeploymentRequest", "deployment"]), objects
)
bodies = (
    (objects | wrapped | values).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=20)
    | st.sampled_from(
        [
            b"",
            b"{",
            b"[" * 50_000,
            b'{"a":' * 50_000,
            b'{"model":' + b"[" * 900 + b"]" * 900 + b"}",
            b"\xff",
            b'{"name":"\xff"}',
        ]
    )
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "if-match": st.sampled_from(['"0"', "*", '"', "W/x", "0" * 400]),
        "idempotency-key": st.sampled_from(["k", "k" * 300, "*"]),
        "x-stainless-retry-count": st.sampled_from(["1", "x", "-1"]),
    },
)
ids = st.sampled_from([*EXISTING.values(), *ODD_IDS]) | st.text(max_size=8)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request."""

    method: str
    path: str
    "As it is sent, with its query."
    body: bytes
    headers: dict[str, str]


def encoded(segment: str) -> str:
    """A segment of a path, which no client takes for a way up."""
    return quote(segment, safe="").replace(".", "%2E")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A request to any route."""
    method, path = draw(st.sampled_from(ROWS))
    sent, *pieces = path.split("{")
    for piece in pieces:
        collection = sent.rstrip("/").rpartition("/")[2]
        usual = EXISTING.get(collection, "dev")
        is_usual = draw(st.integers(0, 19)) < (19 if collection == "accounts" else 13)
        sent += encoded(usual if is_usual else draw(ids)) + piece.partition("}")[2]
    query = draw(st.dictionaries(st.sampled_from(QUERIES), texts, max_size=3))
    asked = f"?{urlencode(query)}" if query else ""
    body = b"" if method == "GET" else draw(bodies)
    return Case(method=method, path=f"/v1{sent}{asked}", body=body, headers=draw(headers))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An admin of an account that has something of most kinds."""
    with running_hearth(tmp_path_factory.mktemp("fuzz")) as hearth, client_of(hearth) as api:
        made = make_all(api)
        assert [each.text for each in made if each.status_code not in (200, 404)] == []
        yield api


def make_all(api: httpx.Client) -> list[httpx.Response]:
    """Make what is not there, or not there any more."""
    account = "/v1/accounts/dev"
    return [
        api.post(f"{account}/deployments/d:undelete"),
        api.post(f"{account}/deployments?deploymentId=d", json={"baseModel": MODEL}),
        api.patch(f"{account}/deployments/d:scale", json={"replicaCount": 0}),
        api.post(f"{account}/models", json={"modelId": "m", "model": {}}),
        api.post(f"{account}/routers?routerId=r", json={"deployments": ["d"]}),
        api.post(f"{account}/deploymentShapes?deploymentShapeId=s", json={"baseModel": MODEL}),
        api.post(f"{account}/secrets", json={"keyName": "K", "value": "v"}),
        api.post(f"{account}/users?userId=u", json={"role": "user"}),
        api.patch(f"{account}/quotas/monthly-spend-usd?allowMissing=true", json={"value": "1000"}),
    ]


def client_of(hearth: RunningHearth) -> httpx.Client:
    key = hearth.credentials["api_key"]
    return httpx.Client(
        base_url=hearth.url, headers={"Authorization": f"Bearer {key}"}, timeout=ANSWER_LIMIT_S
    )


def check(api: httpx.Client, case: Case) -> None:
    """Ask, and hold the answer to what any answer must be like."""
    answer = api.request(case.method, case.path, content=case.body, headers=case.headers)
    assert answer.headers["x-request-id"]
    if answer.status_code < 400:
        undo(api, case, answer)
        return
    assert answer.status_code < 500 or answer.status_code in (501, 503), answer.text
    told = answer.json()
    error = told["error"]
    assert isinstance(told["code"], int), told
    assert isinstance(told["details"], list), told
    assert told["message"] == error["message"] != "", told
    assert error["object"] == "error", told
    assert error["code"].isupper(), told
    assert error["param"] is None or isinstance(error["param"], str), told


def undo(api: httpx.Client, case: Case, answer: httpx.Response) -> None:
    """End a deployment that was made, before it starts much; make again what was deleted."""
    if case.method == "DELETE":
        make_all(api)
    if case.method == "POST" and "/deployments" in case.path and "name" in answer.text:
        name = answer.json().get("name", "")
        api.delete(f"/v1/{name}", params={"hard": "true", "ignoreChecks": "true"})


def fuzzed(num_examples: int) -> settings:
    return settings(
        max_examples=num_examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


@fuzzed(NUM_EXAMPLES)
@given(case=cases())
def test_whatever_is_asked_is_answered_or_refused_in_words(api: httpx.Client, case: Case) -> None:
    check(api, case)


@pytest.mark.slow
@fuzzed(MANY_EXAMPLES)
@given(case=cases())
def test_so_it_is_with_much_more(api: httpx.Client, case: Case) -> None:
    check(api, case)


def test_every_route_is_tried_with_odd_ids(api: httpx.Client) -> None:
    odd = itertools.cycle(ODD_IDS)
    for method, path in ROWS:
        start, *pieces = path.replace("{account_id}", "dev").split("{")
        for _ in range(ODD_IDS_EACH):
            ids_in_turn = [encoded(next(odd)) + piece.partition("}")[2] for piece in pieces]
            sent = start + "".join(ids_in_turn)
            check(api, Case(method=method, path=f"/v1{sent}", body=b"", headers={}))
