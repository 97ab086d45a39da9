"""The credit codes that the account has redeemed."""

from __future__ import annotations

from hearth.firectl.crud import lister
from hearth.firectl.grammar import Column, Noun, Resource

RESOURCE = Resource(
    collection="creditRedemptions",
    columns=(
        Column(title="name", path="name"),
        Column(title="credit code", path="creditCode"),
        Column(title="amount", path="amount"),
        Column(title="create time", path="createTime"),
    ),
)

NOUN = Noun(
    summary="Credit redemptions are the codes that were turned into credit.",
    commands=(lister("credit-redemption", RESOURCE, (), "firectl list credit-redemptions"),),
)
