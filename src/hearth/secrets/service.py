"""Secrets as resources whose value goes past the mechanism, sealed.

The value is taken out of the body first, so that no document, digest, audit entry or answer can
hold it; what is kept of it is sealed under the secret's full name, beside the document.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

import msgspec

from hearth.errors import Conflict, InvalidRequest, SetupError, Unavailable
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection, Database
from hearth.kit.sealing import Sealer
from hearth.resources import (
    BY_OPERATOR,
    Asking,
    Creation,
    Draft,
    FreeRules,
    Json,
    Resources,
    Stored,
)
from hearth.secrets.types import MAX_VALUE_BYTES, SECRETS, Secret

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}", re.ASCII)
_ID_RULE = "a letter, then at most 62 of letters, digits, hyphen and underscore"
_SEALED = "sealed"


class SecretService(Resources[Secret]):
    """The secrets of accounts.

    Args:
        db: open, and up to date.
        make_sealer: gives the keys; called when one is first needed, for it may make a key.
        clock: tells the present moment.
    """

    def __init__(
        self, db: Database, make_sealer: Callable[[], Sealer], clock: Clock = utc_now
    ) -> None:
        super().__init__(db, SECRETS, _Rules(), clock)
        self._make_sealer = make_sealer
        self._secrets_db = db
        self._secrets_clock = clock

    async def create(self, new: Creation, asking: Asking = BY_OPERATOR) -> Secret:
        """Keep a secret, under the id that `name` ends with, else under its `keyName`.

        Raises:
            InvalidRequest: the value is missing or too large, or no secret may be called so.
            Conflict: there is one already.
        """
        name = self.name_of(new.parent, _chosen_id(new))
        body, value = _without_value(new.body | {"name": name})
        rules = _Rules(name=name, sealed=self._seal(name, _checked(value)))
        try:
            return await self._by(rules).create(replace(new, id="", body=body), asking)
        except Conflict:
            if not asking.is_retry:
                raise
            made = await self.get(name)  # by the first attempt, whose answer was lost
            if made.key_name != body.get("keyName") or not _is_by(made, asking):
                raise
            return made

    async def update(
        self,
        name: str,
        change: Json,
        *,
        mask: Sequence[str] = (),
        asking: Asking = BY_OPERATOR,
    ) -> Secret:
        """Change the value, its `keyName` or both; see `Resources.update`."""
        without, value = _without_value(change)
        if mask and "value" not in mask:
            value = None
        elif "value" in mask or value is not None:
            value = _checked(value)
        rules = _Rules(sealed="" if value is None else self._seal(name, value))
        rest = [path for path in mask if path != "value"]
        if mask and not rest:
            without = {key: kept for key, kept in without.items() if key == "etag"}
        return await self._by(rules).update(name, without, mask=rest, asking=asking)

    async def reveal(self, account_id: str, secret_id: str) -> str:
        """The value itself, for features that use it; never for an answer.

        Args:
            account_id: whose secret it is.
            secret_id: the last segment of its name.

        Raises:
            NotFound: there is no such secret.
            Unavailable: it cannot be opened; the message tells operators why.
        """
        name = self.name_of(f"accounts/{account_id}", secret_id)
        async with self._secrets_db.read() as conn:
            stored = await self.documents.read(conn, name)
        sealed = b64decode(stored.internal[_SEALED])
        with _told_as_unavailable():
            return self._sealer.open(sealed, name=name).decode()

    async def reseal(self) -> int:
        """Seal with the first key what older keys sealed, and say how many that were.

        Afterwards the older keys can be forgotten.

        Raises:
            SetupError: one of them is missing already.
        """
        num_resealed = 0
        async with self._secrets_db.write() as conn:
            for stored in await self.documents.every(conn):
                sealed = b64decode(stored.internal[_SEALED])
                if self._sealer.is_current(sealed):
                    continue
                plain = self._sealer.open(sealed, name=stored.name)
                again = _text(self._sealer.seal(plain, name=stored.name))
                draft = Draft(resource=stored.resource, internal={_SEALED: again})
                await self.documents.save(conn, stored, draft)
                num_resealed += 1
        return num_resealed

    @cached_property
    def _sealer(self) -> Sealer:
        return self._make_sealer()

    def _seal(self, name: str, value: str) -> str:
        with _told_as_unavailable():
            return _text(self._sealer.seal(value.encode(), name=name))

    def _by(self, rules: _Rules) -> Resources[Secret]:
        """The mechanism, for one change with one sealed value."""
        return Resources(self._secrets_db, SECRETS, rules, self._secrets_clock)


class _Rules(FreeRules[Secret]):
    """Puts a sealed value, if there is one, beside the document of one change."""

    def __init__(self, *, name: str = "", sealed: str = "") -> None:
        self._name = name
        self._sealed = sealed

    async def creating(
        self, conn: Connection, draft: Draft[Secret], asking: Asking
    ) -> Draft[Secret]:
        """Name it as its maker does, whose ids may have capitals."""
        _check_key_name(draft.resource)
        resource = msgspec.structs.replace(draft.resource, name=self._name)
        return Draft(resource=resource, internal={_SEALED: self._sealed})

    async def updating(
        self, conn: Connection, before: Stored[Secret], after: Draft[Secret], asking: Asking
    ) -> Draft[Secret]:
        """Replace the value where there is another."""
        _check_key_name(after.resource)
        return replace(after, internal={_SEALED: self._sealed}) if self._sealed else after


@contextmanager
def _told_as_unavailable() -> Iterator[None]:
    """What only an operator can mend, as a failure that a client understands."""
    try:
        yield
    except SetupError as error:
        raise Unavailable(str(error)) from error


def _text(sealed: bytes) -> str:
    return b64encode(sealed).decode()


def _chosen_id(new: Creation) -> str:
    """The id of a new secret; raises `InvalidRequest`."""
    body = new.body
    given = str(new.id or body.get("name") or body.get("keyName") or "")
    chosen = given.removeprefix(f"{new.parent}/{SECRETS.collection}/")
    if not _ID.fullmatch(chosen):
        raise InvalidRequest(
            f"name: {given[:200]!r} cannot name a secret; write "
            f"{new.parent}/{SECRETS.collection}/ and {_ID_RULE}.",
            param="name",
        )
    return chosen


def _without_value(body: Json) -> tuple[Json, object]:
    return {key: kept for key, kept in body.items() if key != "value"}, body.get("value")


def _checked(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequest("value: a secret needs a text that is not empty.", param="value")
    if len(value.encode()) > MAX_VALUE_BYTES:
        raise InvalidRequest(
            f"value: at most {MAX_VALUE_BYTES} bytes; keep larger things as objects.",
            param="value",
        )
    return value


def _check_key_name(secret: Secret) -> None:
    if not secret.key_name.strip():
        raise InvalidRequest(
            "keyName: say what programs call it, such as WANDB_API_KEY.", param="keyName"
        )


def _is_by(made: Secret, asking: Asking) -> bool:
    return made.created_by == asking.actor.principal
