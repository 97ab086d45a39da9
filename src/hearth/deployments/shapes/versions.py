"""The versions of an account's own shape; they are kept beside it, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hearth.deployments.shapes.types import DeploymentShape, DeploymentShapeVersion, Shaped
from hearth.errors import InvalidRequest
from hearth.resources import Internal, Stored

MAX_VERSIONS = 100
"Of a shape; the oldest goes first, but never the one that deployments get."


class _Kept(Struct, frozen=True, kw_only=True):
    """A version as it is stored."""

    number: int
    create_time: datetime
    snapshot: DeploymentShape
    validated: bool
    public: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionChange:
    """What a client may change of a version; None: it stays."""

    validated: bool | None = None
    public: bool | None = None


def shaped_of(stored: Stored[DeploymentShape]) -> Shaped:
    """A stored shape with its versions, newest first."""
    kept = _read(stored.internal)
    latest = max((each.number for each in kept if each.validated), default=0)
    return Shaped(
        shape=stored.resource,
        versions=tuple(
            DeploymentShapeVersion(
                name=f"{stored.name}/versions/v{each.number}",
                create_time=each.create_time,
                snapshot=each.snapshot,
                validated=each.validated,
                public=each.public,
                latest_validated=each.number == latest,
            )
            for each in reversed(kept)
        ),
    )


def with_version(
    internal: Internal, shape: DeploymentShape, *, is_validated: bool, now: datetime
) -> Internal:
    """What is kept once a shape has become this one."""
    kept = _read(internal)
    number = kept[-1].number + 1 if kept else 1
    added = _Kept(number=number, create_time=now, snapshot=shape, validated=is_validated)
    return _written(_pruned([*kept, added]))


def changed_version(internal: Internal, version_id: str, change: VersionChange) -> Internal:
    """What is kept once a version was changed, which must be there."""
    kept = [
        each if f"v{each.number}" != version_id else _changed(each, change)
        for each in _read(internal)
    ]
    return _written(kept)


def read_change(body: dict[str, object]) -> VersionChange:
    """What a PATCH of a version says; the rest of a version is as it was made.

    Raises:
        InvalidRequest: one of the flags is no flag.
    """
    flags: dict[str, bool | None] = {}
    for name in ("validated", "public"):
        value = body.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidRequest(f"{name}: write true or false.", param=name)
        flags[name] = value
    return VersionChange(**flags)


def _changed(kept: _Kept, change: VersionChange) -> _Kept:
    return replace(
        kept,
        validated=kept.validated if change.validated is None else change.validated,
        public=kept.public if change.public is None else change.public,
    )


def _pruned(kept: Sequence[_Kept]) -> Sequence[_Kept]:
    if len(kept) <= MAX_VERSIONS:
        return kept
    latest = max((each.number for each in kept if each.validated), default=0)
    goes = next(each.number for each in kept if each.number != latest)
    return [each for each in kept if each.number != goes]


def _read(internal: Internal) -> list[_Kept]:
    return msgspec.convert(internal.get("versions", []), list[_Kept])


def _written(kept: Sequence[_Kept]) -> Internal:
    return {"versions": msgspec.to_builtins(kept)}
