"""What is left of the account's credit."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.grammar import Command, Noun
from hearth.firectl.names import path_of


def _get(call: Call) -> None:
    path = path_of(f"accounts/{call.account_id()}/billing/balance")
    call.show(call.send("GET", path))


NOUN = Noun(
    summary="The balance is what is left of the account's credit.",
    commands=(
        Command(
            verb="get",
            summary="Show the credit that is left, how the account pays, and what it owes.",
            run=_get,
            examples=("firectl get balance",),
        ),
    ),
)
