"""Commands of one word: who is calling, and about firectl itself."""

from __future__ import annotations

import sys

from hearth import __version__
from hearth.firectl import whose
from hearth.firectl.call import Call
from hearth.firectl.connection import require_key
from hearth.firectl.failures import Refused, UsageFailure
from hearth.firectl.grammar import Argument, Command, Flag, Noun
from hearth.firectl.http import Object, Request
from hearth.firectl.kinds import SWITCH
from hearth.firectl.signing_in import sign_in

_ACCOUNT = Argument(name="ACCOUNT_ID", help="The account to act in.", is_required=False)
_SHOWN_KEY_CHARS = 8  # enough to recognise a key, too little to use it


def signer(verb: str, example: str) -> Command:
    """The sign-in under one of its names."""
    return Command(
        verb=verb,
        summary="Keep an API key for later commands: asked for without an echo, or --api-key.",
        run=sign_in,
        arguments=(_ACCOUNT,),
        is_offline=True,
        examples=(example, f"{example} --api-key fw_… --profile work"),
    )


def _whoami(call: Call) -> None:
    answer = call.answer(Request(method="GET", path="/verifyApiKey"))
    connection = call.connection
    account_id = answer.headers.get("x-fireworks-account-id") or call.account_id()
    shown: Object = {
        "account": f"accounts/{account_id}",
        "user": _user_or_empty(call),
        "server": connection.base_url,
        "apiKey": f"{connection.api_key[:_SHOWN_KEY_CHARS]}… from {connection.key_source}",
    }
    call.show(shown)


def _user_or_empty(call: Call) -> str:
    try:
        return whose.own_user_or_none(call) or ""
    except Refused:  # not every key may see the users
        return ""


def _token(call: Call) -> None:
    require_key(call.connection)
    call.screen.write(call.connection.api_key)


def _version(call: Call) -> None:
    text = f"firectl {__version__}\n"
    if call.get("long"):
        text += f"Python: {sys.version.split()[0]}\nPlatform: {sys.platform}\n"
        text += f"Server: {call.connection.base_url}\n"
    call.screen.write(text)


def _upgrade(call: Call) -> None:
    call.screen.write(
        "firectl comes with Hearth's Python package. Upgrade that:\n"
        f"  {sys.executable} -m pip install --upgrade hearth\n"
    )


def _completion(call: Call) -> None:
    from hearth.firectl.completion import script

    call.screen.write(script(call.get("SHELL")))


def _help(call: Call) -> None:
    from hearth.firectl.help import help_on
    from hearth.firectl.resolve import Topic, resolve

    words = [call.get(name) for name in ("WORD", "SECOND_WORD") if call.get(name)]
    if words == ["exit-codes"]:
        words = []
    if any(word.startswith("-") for word in words):
        raise UsageFailure("firectl help takes words, such as `firectl help create deployment`.")
    target = resolve(words)[0] if words else Topic(kind="all")
    call.screen.write(help_on(target))


NOUN = Noun(
    summary="About firectl itself.",
    commands=(
        signer("signin", "firectl signin"),
        signer("login", "firectl login"),
        Command(
            verb="whoami",
            summary="Show whose key is used, on which server, and where the key was found.",
            run=_whoami,
            examples=("firectl whoami",),
        ),
        Command(
            verb="token",
            summary="Print the key in use, for other programs.",
            run=_token,
            is_offline=True,
            examples=('curl -H "Authorization: Bearer $(firectl token)" …',),
        ),
        Command(
            verb="version",
            summary="Print the version.",
            run=_version,
            flags=(Flag(name="long", short="l", kind=SWITCH, help="More about this machine."),),
            is_offline=True,
            examples=("firectl version -l",),
        ),
        Command(
            verb="upgrade",
            summary="Say how to get a newer firectl.",
            run=_upgrade,
            is_offline=True,
            examples=("firectl upgrade",),
        ),
        Command(
            verb="completion",
            summary="Print what makes a shell complete firectl's words: bash, zsh or fish.",
            run=_completion,
            arguments=(Argument(name="SHELL", help="bash, zsh or fish."),),
            is_offline=True,
            examples=("source <(firectl completion bash)",),
        ),
        Command(
            verb="help",
            summary="Explain a command, a noun or a verb.",
            run=_help,
            arguments=(
                Argument(name="WORD", help="A verb or a noun.", is_required=False),
                Argument(name="SECOND_WORD", help="The other one.", is_required=False),
            ),
            is_offline=True,
            examples=("firectl help create deployment",),
        ),
    ),
)
