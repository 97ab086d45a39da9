"""Filters, order and pages of lists."""

from __future__ import annotations

import pytest

from tests.firectl.terminal import Reply, World, typed


def serve_pages(world: World, *pages: list[str]) -> None:
    """Give the deployments of these names, a page at a time."""
    replies = []
    for number, names in enumerate(pages, start=1):
        token = "" if number == len(pages) else f"t{number}"
        rows = [{"name": name} for name in names]
        replies.append(Reply(body={"deployments": rows, "nextPageToken": token}))
    world.on("GET", "deployments", *replies)


def names(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()[1:]]


def test_filter_order_and_page_size_go_to_the_server(world: World) -> None:
    serve_pages(world, ["a"])

    typed(
        *("list", "deployments", "--filter", 'state = "READY"', "--order-by", "name desc"),
        *("--page-size", "7", "--show-deleted"),
    )

    assert world.last("GET").query == {
        "filter": 'state = "READY"',
        "orderBy": "name desc",
        "pageSize": "7",
        "showDeleted": "true",
    }


def test_a_page_is_asked_for_by_its_number(world: World) -> None:
    for number, expected in ((1, ["a", "b"]), (2, ["c", "d"]), (3, ["e"]), (4, [])):
        serve_pages(world, ["a", "b"], ["c", "d"], ["e"])

        ran = typed("list", "deployments", "--page-size", "2", "--page-token", str(number))

        assert names(ran.out) == expected
        assert ran.err == (
            f"Page {number}; the next: --page-token {number + 1}, all: --no-paginate.\n"
            if number < 3
            else ""
        )


def test_all_pages_are_one_list_without_paging(world: World) -> None:
    serve_pages(world, ["a", "b"], ["c", "d"], ["e"])

    ran = typed("list", "deployments", "--page-size", "2", "--no-paginate")

    assert names(ran.out) == ["a", "b", "c", "d", "e"]
    assert world.last("GET").query["pageToken"] == "t2"


def test_models_are_the_accounts_own_and_then_the_catalogues(world: World) -> None:
    world.on("GET", "models", Reply(body={"models": [{"name": "own"}]}))
    world.on("GET", "/v1/accounts/fireworks/models", Reply(body={"models": [{"name": "shared"}]}))

    assert names(typed("list", "models").out) == ["own", "shared"]
    assert names(typed("list", "models", "-a", "fireworks").out) == ["shared"]
    assert names(typed("list", "models", "-a", "dev").out) == ["own"]


def test_a_category_joins_the_filter(world: World) -> None:
    world.on("GET", "models", Reply(body={"models": []}))

    typed("list", "models", "-a", "dev", "--category", 'x"y', "--filter", "a = b OR c = d")

    assert world.last("GET").query["filter"] == '(a = b OR c = d) AND category = "x\\"y"'


def filter_error(message: str, reason: str | None = None) -> Reply:
    """A refusal of a filter, as the server renders it."""
    details = [{"reason": reason}] if reason else []
    error = {"message": message, "param": "filter", "code": "INVALID_ARGUMENT"}
    body = {"code": 3, "message": message, "details": details, "error": error}
    return Reply(status=400, body=body)


@pytest.mark.parametrize(
    ("message", "column"),
    [
        ("filter: cannot read it at column 9, before '= x'.", 8),
        ("filter: cannot read it at position 8, before '= x'.", 8),
        ("filter: cannot read it at its end.", 11),
        ("filter: there is no field 'stte'; use name.", 0),
    ],
)
def test_a_bad_filter_is_shown_with_a_caret_under_the_fault(
    world: World, message: str, column: int
) -> None:
    world.on("GET", "deployments", filter_error(message))

    ran = typed("list", "deployments", "--filter", "stte = = x ")

    assert ran.status == 1
    assert ran.err.splitlines() == [
        f"firectl: {message}",
        "  stte = = x ",
        "  " + " " * column + "^",
    ]


def test_a_caret_that_the_server_draws_is_shown_as_it_is(world: World) -> None:
    reply = filter_error("filter: cannot read it at column 8, here.", "stte = = x\n       ^")
    world.on("GET", "deployments", reply)

    ran = typed("list", "deployments", "--filter=stte = = x")

    assert ran.err.splitlines()[1:] == ["  stte = = x", "         ^"]
