"""Which functions a request lets the model call: `tools` and `tool_choice`, or their old forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from hearth.engines.protocol import Tool, ToolUse
from hearth.errors import InvalidRequest
from hearth.gateway.tool_types import FunctionSpec, NamedFunction, ToolChoice
from hearth.gateway.types import ChatRequest

Must = Literal["auto", "none", "required"]

WORDS: dict[str, Must] = {
    "auto": "auto",
    "none": "none",
    "any": "required",
    "required": "required",
}
"""The words of the APIs for whether a function must be called."""


class Wanted(Struct, frozen=True):
    """What must be called."""

    choice: Must = "auto"
    name: str | None = None
    param: str = "tool_choice"
    "Where the name stands in the request."


def read_tool_use(body: ChatRequest) -> ToolUse | None:
    """What the model may and must call; None where there is nothing to call.

    Raises:
        InvalidRequest: a name is used twice, a choice names no function, or forms are mixed.
    """
    if body.functions:
        if body.tools:
            raise InvalidRequest("Give either 'tools' or 'functions', not both.", param="functions")
        return make_tool_use(
            body.functions,
            "functions[{}].name",
            _wanted_by_call(body.function_call),
            parallel=False,
        )
    wanted = _wanted(body.tool_choice)
    if not body.tools:
        if wanted.choice == "required":
            raise InvalidRequest("'tool_choice' needs 'tools'.", param="tool_choice")
        return None
    specs = [tool.function for tool in body.tools]
    return make_tool_use(
        specs, "tools[{}].function.name", wanted, parallel=body.parallel_tool_calls is not False
    )


def make_tool_use(
    specs: Sequence[FunctionSpec], place: str, wanted: Wanted, *, parallel: bool
) -> ToolUse:
    """Join functions and choice.

    Args:
        place: of a function's name in the request, with {} for its number.

    Raises:
        InvalidRequest: a name is used twice, or the choice names no function.
    """
    names: set[str] = set()
    for i, spec in enumerate(specs):
        if spec.name in names:
            raise InvalidRequest(
                f"There are two functions named {spec.name!r}.", param=place.format(i)
            )
        names.add(spec.name)
    if wanted.name is not None and wanted.name not in names:
        raise InvalidRequest(f"There is no function {wanted.name[:80]!r}.", param=wanted.param)
    return ToolUse(
        tools=[
            Tool(spec.name, spec.description or "", spec.parameters or {}, spec.strict or False)
            for spec in specs
        ],
        choice=wanted.choice,
        name=wanted.name,
        parallel=parallel,
    )


def _wanted(choice: str | ToolChoice | None) -> Wanted:
    if isinstance(choice, ToolChoice):
        if choice.function is not None:
            return Wanted("required", choice.function.name, "tool_choice.function.name")
        return Wanted("required", choice.name, "tool_choice.name")
    if choice is not None and choice not in WORDS:
        raise InvalidRequest(
            "'tool_choice' must be auto, none, any, required or an object that names a function.",
            param="tool_choice",
        )
    return Wanted(WORDS[choice or "auto"])


def _wanted_by_call(choice: str | NamedFunction | None) -> Wanted:
    if isinstance(choice, NamedFunction):
        return Wanted("required", choice.name, "function_call.name")
    if choice not in (None, "auto", "none"):
        raise InvalidRequest(
            "'function_call' must be auto, none or {\"name\": …}.", param="function_call"
        )
    return Wanted(WORDS[choice or "auto"])
