"""Tools in the bodies of clients: what may be called, what must be, and what was called before."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

ToolName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]


class FunctionSpec(Struct, frozen=True):
    """A function that the model may call."""

    name: ToolName
    description: str | None = None
    parameters: dict[str, Any] | None = None  # Any: a JSON Schema
    strict: bool | None = None


class ToolSpec(Struct, frozen=True):
    """An entry of `tools`."""

    type: Literal["function"]
    function: FunctionSpec


class NamedFunction(Struct, frozen=True):
    """The function that must be called."""

    name: str


class ToolChoice(Struct, frozen=True):
    """`tool_choice` as an object: any function, or a named one in either of two shapes."""

    type: Literal["function"]
    function: NamedFunction | None = None
    name: str | None = None


class CalledFunction(Struct, frozen=True):
    """The function of an earlier call."""

    name: str
    arguments: str | dict[str, Any] | None = None  # Any: JSON values


class CallMade(Struct, frozen=True):
    """A call in an earlier message of the assistant."""

    function: CalledFunction
    id: str | None = None
    type: Literal["function"] | None = None
    index: int | None = None
