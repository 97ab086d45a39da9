"""Models on the control plane: pages, masks, and whose models a caller may see."""

from __future__ import annotations

import httpx
import pytest

from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"


@pytest.fixture
def control(hearth: RunningHearth, api: httpx.Client) -> str:
    return f"{hearth.url}/v1/accounts"


def test_pages_join_to_the_list_that_inference_shows(control: str, api: httpx.Client) -> None:
    names: list[str] = []
    token = ""
    while not names or token:
        params = {"pageSize": "7", "pageToken": token}
        page = api.get(f"{control}/fireworks/models", params=params).json()
        assert 0 < len(page["models"]) <= 7
        names += [model["name"] for model in page["models"]]
        token = page["nextPageToken"]

    assert len(names) == page["totalSize"]
    assert names == sorted(model["id"] for model in api.get("/models").json()["data"])


def test_a_model_says_what_it_is_and_what_answers_for_it(control: str, api: httpx.Client) -> None:
    model = api.get(f"{control}/fireworks/models/llama-v3p1-8b-instruct").json()

    assert model["name"] == MODEL
    assert model["kind"] == "HF_BASE_MODEL"
    assert model["state"] == "READY"
    assert model["public"] is True
    assert model["supportsServerless"] is True
    assert "fake engine" in model["status"]["message"]
    assert model["contextLength"] == 131072
    assert int(model["baseModelDetails"]["parameterCount"]) > 8e9
    assert model["createTime"].endswith("Z")


def test_a_mask_leaves_only_what_it_names(control: str, api: httpx.Client) -> None:
    params = {"readMask": "displayName"}

    one = api.get(f"{control}/fireworks/models/llama-v3p1-8b-instruct", params=params).json()
    page = api.get(f"{control}/fireworks/models", params=params).json()

    assert one.keys() == {"name", "displayName"}
    assert all(model.keys() == {"name", "displayName"} for model in page["models"])


def test_an_account_without_models_has_an_empty_list(control: str, api: httpx.Client) -> None:
    page = api.get(f"{control}/dev/models").json()

    assert page == {"models": [], "nextPageToken": "", "totalSize": 0}


@pytest.mark.parametrize("path", ["nobody/models", "nobody/models/x", "fireworks/models/none"])
def test_what_is_not_there_and_what_is_anothers_look_alike(
    control: str, api: httpx.Client, path: str
) -> None:
    response = api.get(f"{control}/{path}")

    assert response.status_code == 404
    assert response.json()["code"] == 5


def test_without_a_key_nothing_is_said(control: str) -> None:
    assert httpx.get(f"{control}/fireworks/models").status_code == 401
    assert httpx.get(f"{control}/nobody/models").status_code == 401


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"filter": 'kind="EMBEDDING_MODEL"'}, None),
        ({"filter": "displayName:smollm2", "orderBy": "create_time desc"}, None),
        ({"filter": 'category="embedded" AND callable = true'}, None),
        ({"filter": 'category="experimental"'}, None),
        ({"filter": 'category="no-such-shelf"'}, 0),
    ],
)
def test_a_filter_leaves_what_it_describes(
    control: str, api: httpx.Client, query: dict[str, str], count: int | None
) -> None:
    whole = api.get(f"{control}/fireworks/models", params={"pageSize": "200"}).json()["totalSize"]

    page = api.get(f"{control}/fireworks/models", params=query).json()

    assert page["totalSize"] == len(page["models"]) < whole
    assert count is None or page["totalSize"] == count
    assert (page["totalSize"] > 0) == (count is None)


def test_orders_run_over_pages(control: str, api: httpx.Client) -> None:
    query = {"pageSize": "9", "orderBy": "createTime desc", "filter": 'kind="HF_BASE_MODEL"'}
    times: list[str] = []
    token = ""
    while not times or token:
        page = api.get(f"{control}/fireworks/models", params=query | {"pageToken": token}).json()
        times += [model["createTime"] for model in page["models"]]
        token = page["nextPageToken"]

    assert len(times) == page["totalSize"] > 9
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_nobody_changes_the_catalogue(control: str, api: httpx.Client, method: str) -> None:
    path = f"{control}/fireworks/models/llama-v3p1-8b-instruct"

    response = api.request(method, path, json={"displayName": "mine"})

    assert response.status_code == 403
    assert "catalogue" in response.json()["message"]


def test_a_model_that_answers_without_a_deployment_says_so(control: str, api: httpx.Client) -> None:
    model = api.get(f"{control}/fireworks/models/llama-v3p1-8b-instruct").json()

    (ref,) = model["deployedModelRefs"]
    assert ref["state"] == "DEPLOYED"
    assert ref["default"] is ref["public"] is True
    assert ref["deployment"].startswith("accounts/fireworks/deployments/")


@pytest.mark.parametrize(
    ("name", "text"), [("filter", 'kind="X'), ("orderBy", "size"), ("pageSize", "many")]
)
def test_what_a_list_cannot_do_is_refused_by_name(
    control: str, api: httpx.Client, name: str, text: str
) -> None:
    response = api.get(f"{control}/fireworks/models", params={name: text})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == name
