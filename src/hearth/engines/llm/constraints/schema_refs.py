"""References inside a schema, and which schemas share an object with others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from hearth.engines.engine import Failed
from hearth.engines.llm.constraints.refusals import inside, refused

_IN_PLACE = ("allOf", "anyOf", "oneOf")
_OWN = ("properties", "patternProperties", "additionalProperties", "required")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a reference points to."""

    schema: Any  # Any: a JSON value, not checked yet
    place: str


class Pointers:
    """Resolves the references of one document, `#` and JSON pointers (RFC 6901) only.

    Iterating gives each target by its new name, those added meanwhile included.

    Args:
        place: of the document in the request.
    """

    def __init__(self, document: Any, place: str) -> None:  # Any: a JSON value, not checked yet
        self._document = document
        self._place = place
        self._targets: list[Target] = []
        self._names: dict[str, str] = {}

    def __iter__(self) -> Iterator[tuple[str, Target]]:
        for number, target in enumerate(self._targets):
            yield f"d{number}", target

    def add(self, reference: Any, place: str) -> str:
        """Return the new name of what a reference points to.

        Raises:
            Failed: it points out of the document, or to nothing.
        """
        target = self.resolve(reference, place)
        if reference not in self._names:
            self._names[reference] = f"d{len(self._targets)}"
            self._targets.append(target)
        return self._names[reference]

    def resolve(self, reference: Any, place: str) -> Target:
        """Return what a reference points to; raises as `add`."""
        if not isinstance(reference, str) or (reference != "#" and reference[:2] != "#/"):
            raise refused(f"only `#` and `#/…` can be referred to, not {reference!r}.", place)
        at, where = self._document, self._place
        for part in unquote(reference).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(at, list) and key.isdecimal() and int(key) < len(at):
                at, where = at[int(key)], inside(where, int(key))
            elif isinstance(at, dict) and key in at:
                at, where = at[key], inside(where, key)
            else:
                raise refused(f"{reference!r} points to nothing.", place)
        return Target(schema=at, place=where)


def open_schemas(document: Any, pointers: Pointers) -> frozenset[int]:
    """Return the `id`s of schemas that describe an object together with others.

    Closed one by one they would forbid each other's properties.
    """
    found: set[int] = set()
    seen: set[tuple[int, bool]] = set()
    waiting: list[tuple[Any, bool]] = [(document, False)]
    while waiting:
        node, is_shared = waiting.pop()
        if isinstance(node, list):
            waiting += [(item, False) for item in node]
        if not isinstance(node, dict) or (id(node), is_shared) in seen:
            continue
        seen.add((id(node), is_shared))
        partners = _partners(node, pointers)
        is_shared = is_shared or _num_claims(node) > 1
        if is_shared:
            found.add(id(node))
        waiting += [(partner, is_shared) for partner in partners]
        waiting += [(value, False) for key, value in node.items() if key not in _IN_PLACE]
    return frozenset(found)


def _partners(node: dict[str, Any], pointers: Pointers) -> list[Any]:
    """Return the schemas that apply to the very value the node applies to."""
    partners = [item for key in _IN_PLACE if isinstance(node.get(key), list) for item in node[key]]
    with suppress(Failed):  # a reference to nothing is refused later, with its place
        if "$ref" in node:
            partners.append(pointers.resolve(node["$ref"], "$ref").schema)
    return partners


def _num_claims(node: dict[str, Any]) -> int:
    """Return how many sayings about an object's properties stand side by side."""
    claims = int(any(key in node for key in _OWN)) + ("$ref" in node)
    for key in ("anyOf", "oneOf"):
        claims += key in node
    return claims + (len(node["allOf"]) if isinstance(node.get("allOf"), list) else 0)
