"""Loading adapters onto a deployment, and taking them off."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.crud import show_created
from hearth.firectl.failures import Exit, Failure
from hearth.firectl.grammar import Argument, Command, Flag, Noun
from hearth.firectl.kinds import NAME, SWITCH
from hearth.firectl.names import last_of, path_of
from hearth.firectl.nouns.deployed_model import RESOURCE
from hearth.firectl.request_parts import body_of, query_of
from hearth.firectl.waiting import WAIT_FLAGS, wait_until_gone
from hearth.firectl.whose import all_of

_MODEL = Argument(name="MODEL", help="The adapter.", field="model", of="model")
_DEPLOYMENT = Flag(
    name="deployment",
    field="deployment",
    kind=NAME,
    of="deployment",
    help="Where; without it, serverless.",
)


def _load(call: Call) -> None:
    body = body_of(call)
    loaded = call.send("POST", call.parent(), query=query_of(call), body=body)
    show_created(call, loaded)


def _unload(call: Call) -> None:
    name = _loaded(call, call.get("MODEL"))
    call.send("DELETE", path_of(name))
    if call.get("wait"):
        wait_until_gone(call, name)
    call.screen.note(f"Unloaded {name}.")


def _loaded(call: Call, model: str) -> str:
    """The deployed model that a name means: its own name, or the model's on the deployment."""
    if "deployedModels/" in model or "deployed-models/" in model or call.is_dry:
        return call.name(model)
    deployment = call.get("deployment") or ""
    for each in all_of(call, f"accounts/{call.account_id()}", RESOURCE.collection):
        place = last_of(str(each.get("deployment") or ""))
        is_there = not deployment or place == last_of(deployment)
        if is_there and last_of(str(each.get("model") or "")) == last_of(model):
            return str(each["name"])
    where = f" on {deployment}" if deployment else ""
    raise Failure(
        f"{model} is not loaded{where}; `firectl list deployed-models` shows what is.",
        exit_status=Exit.NOT_FOUND,
    )


NOUN = Noun(
    summary="LoRA adapters are loaded onto a deployment of their base model.",
    commands=(
        Command(
            verb="load",
            summary="Load an adapter, so that it can be called.",
            run=_load,
            arguments=(_MODEL,),
            flags=(
                _DEPLOYMENT,
                Flag(
                    name="public",
                    field="public",
                    kind=SWITCH,
                    help="Whether every account may call it.",
                ),
                Flag(
                    name="replace-merged-addon",
                    query="replaceMergedAddon",
                    kind=SWITCH,
                    help="Take the place of the adapter that is merged there.",
                ),
                *WAIT_FLAGS,
            ),
            resource=RESOURCE,
            examples=("firectl load-lora my-adapter --deployment my-deployment --wait",),
        ),
        Command(
            verb="unload",
            summary="Take an adapter off.",
            run=_unload,
            arguments=(_MODEL,),
            flags=(_DEPLOYMENT, *WAIT_FLAGS),
            resource=RESOURCE,
            examples=("firectl unload-lora my-adapter --deployment my-deployment",),
        ),
    ),
)
