"""Accounts."""

from __future__ import annotations

from dataclasses import replace

from hearth.firectl import listing
from hearth.firectl.call import Call
from hearth.firectl.crud import getter, lister
from hearth.firectl.grammar import Column, Noun, Resource
from hearth.firectl.names import is_full, path_of

RESOURCE = Resource(
    collection="accounts",
    columns=(
        Column(title="name", path="name"),
        Column(title="display name", path="displayName"),
        Column(title="state", path="state"),
        Column(title="suspended", path="suspendState"),
        Column(title="create time", path="createTime"),
    ),
)


def _get(call: Call) -> None:
    text = call.get("ID") or call.account_id()
    call.show(call.send("GET", path_of(text if is_full(text) else f"accounts/{text}")))


def _list(call: Call) -> None:
    listing.show_pages(call, [("/v1/accounts", "accounts")])


_GET = getter("account", RESOURCE, "firectl get account")
_LIST = lister("account", RESOURCE, (), "firectl list accounts")

NOUN = Noun(
    summary="Accounts own everything else.",
    commands=(
        replace(_GET, run=_get, arguments=(replace(_GET.arguments[0], is_required=False),)),
        replace(_LIST, run=_list),
    ),
)
