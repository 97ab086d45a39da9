"""Renders structured inputs with the caller's Jinja template, in the sandbox of chat templates."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import jinja2

from hearth.engines.engine import Failed
from hearth.engines.llm.sandbox import BoundedEnvironment
from hearth.engines.protocol import Failure

_MAX_TEMPLATE_CHARACTERS = 100_000
_MAX_TEXT_CHARACTERS = 4_000_000
LIMIT_S = 5.0  # for all inputs of a request; a usual one takes milliseconds

# What a template can provoke besides Jinja's own errors: it may apply any operator to anything.
_FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


def render(
    template: str,
    inputs: Sequence[dict[str, Any]],  # Any: JSON values
    place: Callable[[int], str],
    *,
    limit_s: float = LIMIT_S,
) -> list[str]:
    """Return the text of each input; a name that the input lacks is an error.

    Raises:
        Failed: the template is none, cannot be applied to an input, or takes too long.
    """
    if len(template) > _MAX_TEMPLATE_CHARACTERS:
        raise _refused("'prompt_template' is too long.", "prompt_template")
    environment = BoundedEnvironment([])
    environment.undefined = jinja2.StrictUndefined
    try:
        compiled = environment.from_string(template)
    except (*_FAULTS, SyntaxError) as error:
        message = f"'prompt_template' is no Jinja template: {error}."
        raise _refused(message, "prompt_template") from None
    texts, end_s = [], time.monotonic() + limit_s
    for index, fields in enumerate(inputs):
        if time.monotonic() > end_s:
            raise _refused("'prompt_template' takes too long to render.", "prompt_template")
        texts.append(_text(environment, compiled, fields, place(index)))
    return texts


def _text(
    environment: BoundedEnvironment, template: jinja2.Template, fields: dict[str, Any], where: str
) -> str:  # Any: JSON values
    environment.begin(_size(fields))
    try:
        text = template.render(fields)
        text.encode()  # a template can write half a surrogate pair
    except _FAULTS as error:
        message = f"'{where}' cannot be rendered with 'prompt_template': {error}."
        raise _refused(message, where) from None
    if len(text) > _MAX_TEXT_CHARACTERS:
        raise _refused(f"'{where}' becomes too long a text.", where)
    return text


def _size(value: object) -> int:
    """The characters of all texts in a JSON value."""
    if isinstance(value, dict):
        return sum(_size(key) + _size(each) for key, each in value.items())
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value) if isinstance(value, str) else 1


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
