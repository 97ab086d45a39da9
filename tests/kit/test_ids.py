from __future__ import annotations

import os
import uuid

import pytest

from hearth.errors import InvalidRequest
from hearth.kit.ids import check_resource_id, is_resource_id, new_id, new_uuid

MANY = 20_000


def test_ids_are_unique_sorted_by_age_and_allowed_as_resource_ids() -> None:
    ids = [new_id("job") for _ in range(MANY)]

    assert len(set(ids)) == MANY
    assert ids == sorted(ids)
    assert all(is_resource_id(made) for made in ids)


def test_request_ids_are_unique_uuids() -> None:
    ids = [new_uuid() for _ in range(MANY)]

    assert len(set(ids)) == MANY
    assert all(str(uuid.UUID(made)) == made and uuid.UUID(made).version == 4 for made in ids)


def test_a_forked_child_makes_other_ids_than_its_parent() -> None:
    new_id("warm-up")
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, "\n".join([new_uuid(), new_id("job")]).encode())
        os._exit(0)
    os.waitpid(child, 0)

    childs_uuid, childs_id = os.read(reading, 4096).decode().split("\n")
    os.close(reading)
    os.close(writing)

    assert childs_uuid[:23] != new_uuid()[:23]
    assert childs_id.removeprefix("job-")[10:18] != new_id("job").removeprefix("job-")[10:18]


@pytest.mark.parametrize("text", ["a", "llama-v3p1-8b", "a" * 63, "x0"])
def test_good_resource_ids_pass(text: str) -> None:
    assert check_resource_id(text, param="userId") == text


@pytest.mark.parametrize(
    "text", ["", "-a", "a-", "1a", "A", "a_b", "a.b", "a" * 64, "a\n", "é", "a/b"]
)
def test_bad_resource_ids_are_refused_with_the_rule(text: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 63 of a-z") as caught:
        check_resource_id(text, param="userId")

    assert caught.value.param == "userId"
