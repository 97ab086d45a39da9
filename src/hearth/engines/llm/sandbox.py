"""A Jinja environment for templates nobody vouches for: they come inside model files.

Jinja's own sandbox keeps a template from attributes and from changing what it is given. On top of
that, this one makes the work of a rendering finite: every loop turn and macro call costs a step,
and so does every 64 characters a template makes, by whatever operator, filter or method.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateAssertionError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from hearth.engines.llm.sandbox_filters import bounded_filters

_CHARACTERS_PER_STEP = 64
_BASE_STEPS = 200_000  # a plain template takes some 10 steps a message; this is half a second
_DEADLINE_S = 2.0  # rendering blocks the worker's loop; a usual one takes under a millisecond

_MAX_INTEGER_BITS = 4096

_DENIED_METHODS = frozenset(
    {"center", "expandtabs", "format", "format_map", "ljust", "rjust", "translate", "zfill"}
)
_REPEATED = (nodes.For, nodes.Macro, nodes.CallBlock)
_LOADING_TAGS = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox; one rendering at a time, `begin` before each."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, extensions: list[type[Extension] | str]) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,  # folding constants would run operators outside the budget
            cache_size=0,
            finalize=self.text_of,
            extensions=extensions,
        )
        self.filters = bounded_filters(self.filters, self)
        self.globals = {name: self.globals[name] for name in ("range", "dict", "namespace")}
        self._steps_left = _BASE_STEPS
        self._deadline = time.monotonic() + _DEADLINE_S

    def begin(self, input_characters: int) -> None:
        """Give the next rendering its budget; it grows with what is to be rendered."""
        self._steps_left = _BASE_STEPS + input_characters
        self._deadline = time.monotonic() + _DEADLINE_S

    def tick(self, steps: int) -> str:
        """Take steps from the budget.

        Raises:
            SecurityError: the budget, or the time for a rendering, is used up.
        """
        self._steps_left -= steps
        if self._steps_left < 0 or time.monotonic() > self._deadline:
            raise SecurityError("the chat template works without end")
        return ""

    def charge_text(self, length: int) -> None:
        """Take the steps that making a text or list of this length costs."""
        self.tick(1 + length // _CHARACTERS_PER_STEP)

    def text_of(self, value: object) -> str:
        """Turn a value to text, within the budget; inner parts of lists count each time."""
        if not isinstance(value, str):
            self._charge_parts(value)
            value = str(value)
        self.charge_text(len(value))
        return value

    def concatenate(self, *parts: object) -> str:
        """Do what the operator `~` does."""
        return "".join(map(self.text_of, parts))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """See `SandboxedEnvironment`; anything may stand left and right of an operator."""
        if operator == "+":
            self.charge_text(_length(left) + _length(right))
        elif operator == "*":
            self._check_product(left, right)
        elif operator == "**" and not (abs(_number(left)) < 1e6 and abs(_number(right)) < 64):
            raise SecurityError("the chat template computes a number that is too large")
        elif operator == "%" and isinstance(left, str):
            raise SecurityError("the chat template formats text with %, which is refused")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """See `SandboxedEnvironment`; methods that make text of any length are refused too."""
        if isinstance(obj, str) and attr in _DENIED_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Put the bounded forms in the place of two text methods; `format` is refused elsewhere."""
        owner = getattr(value, "__self__", None)
        if not isinstance(owner, str):
            return None
        name = getattr(value, "__name__", "")
        if name not in {"replace", "join"}:
            return None
        bounded = self.filters[name]
        if name == "join":
            return lambda parts: str(bounded(self, parts, owner))
        return lambda *args: str(bounded(owner, *args))

    def _check_product(self, left: Any, right: Any) -> None:
        if isinstance(left, int) and isinstance(right, int):
            if left.bit_length() + right.bit_length() > _MAX_INTEGER_BITS:
                raise SecurityError("the chat template computes a number that is too large")
        else:
            length = _length(left) * _number(right) + _length(right) * _number(left)
            self.charge_text(max(0, int(length)))

    def _charge_parts(self, value: object) -> None:
        self.tick(1)
        if isinstance(value, dict):
            value = [*value.keys(), *value.values()]
        if isinstance(value, list | tuple | set):
            for part in value:
                self._charge_parts(part)
        elif isinstance(value, str):
            self.charge_text(len(value))
        elif isinstance(value, Namespace):
            raise SecurityError("the chat template prints a namespace")

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        for node in template.find_all(_LOADING_TAGS):
            raise TemplateAssertionError("a chat template cannot load others", node.lineno)
        for owner in template.find_all(_REPEATED):
            bodies = cast(nodes.For | nodes.Macro | nodes.CallBlock, owner)
            bodies.body.insert(0, _tick_node(owner))
        _Concatenations().visit(template)
        return template


class GenerationTag(Extension):
    """Tolerates `{% generation %}`, with which templates mark what a model is trained on."""

    tags = {"generation"}  # noqa: RUF012  as the base class types it

    def parse(self, parser: Parser) -> nodes.Node:
        """See `Extension`: the tag is its body."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class _Concatenations(NodeTransformer):
    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802  Jinja's visitor names it
        self.generic_visit(node)
        return _environment_call("concatenate", node.nodes, node.lineno)


def _tick_node(owner: nodes.Node) -> nodes.Node:
    literal = sum(len(data.data) for data in owner.find_all(nodes.TemplateData))
    steps = nodes.Const(1 + literal // _CHARACTERS_PER_STEP, lineno=owner.lineno)
    call = _environment_call("tick", [steps], owner.lineno)
    return nodes.ExprStmt(call, lineno=owner.lineno)


def _environment_call(method: str, arguments: list[nodes.Expr], line: int) -> nodes.Call:
    target = nodes.EnvironmentAttribute(method, lineno=line)
    return nodes.Call(target, arguments, [], None, None, lineno=line)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple) else 0


def _number(value: Any) -> int | float:
    return value if isinstance(value, int | float) else 0
