"""Credit codes."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.grammar import Argument, Command, Noun


def _redeem(call: Call) -> None:
    body = {"code": call.get("CODE")}
    if call.get("account-id"):
        body["name"] = f"accounts/{call.account_id()}"
    call.show(call.send("POST", "/v1/creditCodes:redeem", body=body))


NOUN = Noun(
    summary="Credit codes become credit of the account.",
    commands=(
        Command(
            verb="redeem",
            summary="Turn a code into credit.",
            run=_redeem,
            arguments=(Argument(name="CODE", help="The code."),),
            examples=("firectl redeem-credit-code WELCOME-2026",),
        ),
    ),
)
