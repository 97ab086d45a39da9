"""Models as resources: lists over what is shipped, pulled and made, changes, and deletion."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from hearth.catalog import PullSpec
from tests.catalog.weights import gguf_bytes, write_gguf
from tests.models.conftest import MODELS, House, make, upload, validate

CATALOGUE = "/accounts/fireworks/models"


@pytest.fixture
def pulled(house: House, tmp_path: Path) -> str:
    """A model of acme's that its operator pulled."""
    write_gguf(tmp_path / "tiny.gguf")
    name = "accounts/acme/models/pulled"
    house.store.pull(PullSpec(name=name, uri=f"file:{tmp_path / 'tiny.gguf'}"))
    return name


async def names(client: httpx.AsyncClient, **params: str) -> list[str]:
    page = (await client.get(MODELS, params=params)).json()
    return [model["name"].rpartition("/")[2] for model in page["models"]]


async def test_the_list_holds_what_was_made_and_what_was_pulled(
    acme: httpx.AsyncClient, pulled: str
) -> None:
    await make(acme, "made", category="experimental")
    await make(acme, "zebra", kind="EMBEDDING_MODEL")

    assert await names(acme) == ["made", "pulled", "zebra"]
    assert await names(acme, filter='state = "READY"') == ["pulled"]
    assert await names(acme, filter='category="experimental"') == ["made"]
    assert await names(acme, filter="callable = true") == ["pulled"]
    assert await names(acme, orderBy="name desc", pageSize="2") == ["zebra", "pulled"]


@pytest.mark.parametrize("has_pulled", [False, True])
async def test_lists_are_the_same_wherever_they_are_made(
    house: House, acme: httpx.AsyncClient, tmp_path: Path, has_pulled: bool
) -> None:
    if has_pulled:  # without a document, so that the list cannot be made in the database
        write_gguf(tmp_path / "tiny.gguf")
        name = "accounts/acme/models/aaa"
        house.store.pull(PullSpec(name=name, uri=f"file:{tmp_path / 'tiny.gguf'}"))
    for number in range(4):
        await make(acme, f"made-{number}", displayName=f"Made {number % 2}", contextLength=number)
    asked = {"filter": 'displayName="Made*" AND NOT contextLength=0', "pageSize": "2"}

    seen, token, is_first = [], "", True
    while token or is_first:
        query = asked | {"orderBy": "display_name,context_length desc", "pageToken": token}
        page = (await acme.get(MODELS, params=query)).json()
        assert page["totalSize"] == 3
        seen += [model["name"][-1] for model in page["models"]]
        token, is_first = page["nextPageToken"], False

    assert seen == ["2", "3", "1"]
    assert await names(acme, filter="callable=false AND contextLength=2") == ["made-2"]
    assert await names(acme, filter="servedBy:*") == (["aaa"] if has_pulled else [])


async def test_pages_run_over_both(acme: httpx.AsyncClient, pulled: str) -> None:
    await make(acme, "made")
    await make(acme, "zebra")

    first = (await acme.get(MODELS, params={"pageSize": "2"})).json()
    rest = (await acme.get(MODELS, params={"pageToken": first["nextPageToken"]})).json()

    assert first["totalSize"] == rest["totalSize"] == 3
    assert [model["name"][-5:] for model in rest["models"]] == ["zebra"]
    assert rest["nextPageToken"] == ""


async def test_another_accounts_list_looks_like_none(
    acme: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    await make(acme, "made")

    assert (await stranger.get(MODELS)).status_code == 404
    assert (await stranger.get(CATALOGUE)).json()["totalSize"] > 5


async def test_an_id_is_taken_once_whoever_took_it(acme: httpx.AsyncClient, pulled: str) -> None:
    await make(acme, "made")

    for model_id in ("made", "pulled"):
        answer = await acme.post(MODELS, json={"modelId": model_id, "model": {}})
        assert answer.status_code == 409
        assert model_id in answer.json()["message"]


async def test_a_change_sets_what_is_present(acme: httpx.AsyncClient) -> None:
    made = await make(acme, "made", displayName="Made", description="First.")
    body = {
        "description": "Second.",
        "supportsTools": True,
        "defaultDraftModel": "smollm2-135m-instruct",
        "kind": "HF_BASE_MODEL",
    }
    changed = (await acme.patch(f"{MODELS}/made", json=body)).json()

    assert changed["displayName"] == "Made"
    assert changed["description"] == "Second."
    assert changed["supportsTools"] is True
    assert changed["defaultDraftModel"] == "accounts/fireworks/models/smollm2-135m-instruct"
    assert changed["createTime"] == made["createTime"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"kind": "EMBEDDING_MODEL"}, "kind"),
        ({"defaultDraftModel": "no-such-model"}, "defaultDraftModel"),
        ({"contextLength": "long"}, "contextLength"),
        ({"displayName": 7}, "displayName"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_by_the_field(
    acme: httpx.AsyncClient, body: dict[str, object], param: str
) -> None:
    await make(acme, "made")

    answer = await acme.patch(f"{MODELS}/made", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("model", "param"),
    [
        ({"kind": "NO_SUCH_KIND"}, "kind"),
        (
            {"kind": "HF_PEFT_ADDON", "peftDetails": {"baseModel": "no-such-model", "r": 8}},
            "peftDetails.baseModel",
        ),
    ],
)
async def test_a_model_that_cannot_be_is_not_made(
    acme: httpx.AsyncClient, model: dict[str, object], param: str
) -> None:
    answer = await acme.post(MODELS, json={"modelId": "made", "model": model})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert (await acme.get(f"{MODELS}/made")).status_code == 404


async def test_what_was_pulled_can_be_described(acme: httpx.AsyncClient, pulled: str) -> None:
    before = (await acme.get(f"{MODELS}/pulled")).json()
    changed = (await acme.patch(f"{MODELS}/pulled", json={"displayName": "Ours"})).json()

    assert changed["displayName"] == "Ours"
    assert changed["state"] == "READY"
    assert changed["callable"] is True
    assert changed["baseModelDetails"] == before["baseModelDetails"]
    assert await names(acme) == ["pulled"]


async def test_weights_go_with_their_model(
    house: House, acme: httpx.AsyncClient, pulled: str, tmp_path: Path
) -> None:
    await make(acme, "made")
    await upload(acme, "made", {"model.gguf": gguf_bytes(tmp_path)})
    await validate(acme, "made")
    await make(acme, "half")
    await upload(acme, "half", {"model.gguf": b"half"})

    for model_id in ("made", "pulled", "half"):
        assert (await acme.delete(f"{MODELS}/{model_id}")).json() == {}
        assert (await acme.get(f"{MODELS}/{model_id}")).status_code == 404

    assert list(house.store.list()) == []
    left = [path for path in (tmp_path / "home").rglob("*.gguf") if path.is_file()]
    assert left == []
    assert (await make(acme, "made"))["state"] == "UPLOADING"


async def test_what_is_deployed_stays(house: House, acme: httpx.AsyncClient, pulled: str) -> None:
    house.users[pulled] = "the deployment accounts/acme/deployments/d1"

    answer = await acme.delete(f"{MODELS}/pulled")

    assert answer.status_code == 400
    assert "deployments/d1" in answer.json()["message"]
    assert house.store.find(pulled) is not None


async def test_a_config_says_what_would_load_the_model(acme: httpx.AsyncClient) -> None:
    async def ask(config: str) -> httpx.Response:
        return await acme.post("/validateModelConfig", json={"configJson": config})

    text = await ask('{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}')
    other = await ask('{"architectures": ["Phi3ForCausalLM"], "model_type": "phi3"}')
    vectors = await ask('{"architectures": ["BertModel"], "model_type": "bert"}')
    unknown = await ask('{"architectures": ["NewNetForCausalLM"], "model_type": "newnet"}')
    broken = await ask("{")

    assert (text.json()["engine"], text.json()["weightsFormat"]) == ("native", "safetensors")
    assert (other.json()["engine"], other.json()["weightsFormat"]) == ("llamacpp", "gguf")
    assert (vectors.json()["engine"], vectors.json()["weightsFormat"]) == (
        "embedding",
        "safetensors",
    )
    assert unknown.status_code == broken.status_code == 400
    assert "NewNetForCausalLM" in unknown.json()["message"]


async def test_a_model_whose_weights_were_taken_away_says_so(
    house: House, acme: httpx.AsyncClient, pulled: str
) -> None:
    await acme.patch(f"{MODELS}/pulled", json={"displayName": "Ours"})
    house.store.remove(pulled)

    model = (await acme.get(f"{MODELS}/pulled")).json()

    assert model["status"]["code"] == "NOT_FOUND"
    assert model["callable"] is False


async def test_a_version_keeps_what_a_model_said(acme: httpx.AsyncClient, pulled: str) -> None:
    versions = f"{MODELS}/pulled/versions"
    made = await acme.post(versions, params={"versionId": "v1"}, json={})
    await acme.patch(f"{MODELS}/pulled", json={"displayName": "Later"})
    await acme.post(versions, json={})
    again = await acme.post(versions, params={"versionId": "v1"}, json={})

    assert made.json()["name"] == f"{pulled}/versions/v1"
    assert (await acme.get(f"{versions}/v1")).json() == made.json()
    assert made.json()["snapshot"]["displayName"] == "pulled"
    assert (await acme.get(f"{versions}:count")).json() == {"count": 2}
    listed = (await acme.get(versions, params={"filter": 'snapshot.displayName="Later"'})).json()
    assert listed["totalSize"] == 1
    assert again.status_code == 409
    refused = await acme.post(f"{versions}/v1:deploy", json={})
    assert "same weights" in refused.json()["message"]
    assert (await acme.get(f"{versions}/v2")).status_code == 404
