from __future__ import annotations

import pytest

from hearth.errors import InvalidRequest
from hearth.kit.names import parse_name, resolve_name, to_camel, to_snake


@pytest.mark.parametrize(
    ("text", "collection", "resource_id"),
    [
        ("accounts/a", "accounts", "a"),
        ("accounts/a/models/llama-v3p1", "models", "llama-v3p1"),
        ("accounts/a/users/u/apiKeys/k", "apiKeys", "k"),
        ("accounts/a/deployed-models/m", "deployedModels", "m"),
    ],
)
def test_a_name_is_parsed_and_written_in_camel_case(
    text: str, collection: str, resource_id: str
) -> None:
    name = parse_name(text)

    assert (name.account_id, name.collection, name.id) == ("a", collection, resource_id)
    assert str(name) == text.replace("deployed-models", "deployedModels")


@pytest.mark.parametrize(
    "text",
    ["", "accounts", "accounts/", "accounts/a/models", "accounts/a/models/", "models/m",
     "accounts/a/models/m/", "accounts/a/models/../x", "accounts/a/Models/m", "accounts/a\n"],
)  # fmt: skip
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="accounts/ACCOUNT/COLLECTION/ID") as caught:
        parse_name(text, param="model")

    assert caught.value.param == "model"


def test_a_bare_id_lies_in_the_callers_account() -> None:
    name = resolve_name("m", account_id="mine", collection="models")

    assert str(name) == "accounts/mine/models/m"


def test_a_name_of_another_collection_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="one of models is needed"):
        resolve_name("accounts/a/datasets/d", account_id="mine", collection="models")


def test_field_names_change_case_both_ways() -> None:
    assert to_camel("create_time") == to_camel("createTime") == "createTime"
    assert to_snake("createTime") == to_snake("create_time") == "create_time"
