"""Every shape that an account can use, shipped or its own, and what deployments get of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hearth.accounts import AuditEntry, record
from hearth.catalog import PUBLIC_ACCOUNT
from hearth.deployments.shapes.applying import differences, suits
from hearth.deployments.shapes.book import ShapeBook
from hearth.deployments.shapes.rules import ShapeRules
from hearth.deployments.shapes.types import (
    SHAPE_KIND,
    DeploymentShape,
    DeploymentShapeVersion,
    Shaped,
    ShapedModel,
)
from hearth.deployments.shapes.versions import VersionChange, changed_version, shaped_of
from hearth.deployments.types import Deployment
from hearth.errors import InvalidRequest, NotFound
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection, Database
from hearth.kit.listing import select_page, struct_fields
from hearth.kit.pages import ListQuery, Page
from hearth.resources import BY_OPERATOR, Asking, Draft, Json, Resources

_ALL = ListQuery(page_size=10_000)
ANY = "-"
"Instead of the id of a shape: of every shape."


class OwnShapes(Resources[DeploymentShape]):
    """The shapes that accounts make; a change may begin from the last version that is validated."""

    async def update(
        self,
        name: str,
        change: Json,
        *,
        mask: Sequence[str] = (),
        asking: Asking = BY_OPERATOR,
    ) -> DeploymentShape:
        """See `Resources`."""
        if asking.flag("fromLatestValidated") and not mask:
            change = await self._validated(name) | change
        return await super().update(name, change, mask=mask, asking=asking)

    async def _validated(self, name: str) -> Json:
        async with self._db.read() as conn:
            latest = shaped_of(await self.documents.read(conn, name)).latest_validated
        if latest is None:
            raise InvalidRequest(
                f"fromLatestValidated: no version of {name} is validated; leave it out.",
                param="fromLatestValidated",
            )
        body: Json = msgspec.to_builtins(latest.snapshot)
        return {field: value for field, value in body.items() if field != "etag"}


class Shapes:
    """Reads shapes and versions, and finds those that suit a deployment.

    Args:
        db: where accounts' own are kept.
        own: those.
        book: all of them.
    """

    def __init__(
        self, db: Database, own: OwnShapes, book: ShapeBook, *, clock: Clock = utc_now
    ) -> None:
        self._db = db
        self.own = own
        self._book = book
        self._clock = clock

    @classmethod
    def over(cls, db: Database, book: ShapeBook, clock: Clock = utc_now) -> Shapes:
        """With the rules that accounts' own must keep to."""
        own = OwnShapes(db, SHAPE_KIND, ShapeRules(book.models, clock), clock)
        return cls(db, own, book, clock=clock)

    async def list(
        self, account_id: str, query: ListQuery, *, target_model: str = ""
    ) -> Page[DeploymentShape]:
        """A page of an account's shapes, or of those among them that suit a model.

        Raises:
            InvalidRequest: the query is wrong, or there is no such model.
        """
        if account_id == PUBLIC_ACCOUNT:
            shapes = [each.shape for each in self._book.shipped.all()]
        else:
            page = await self.own.list(f"accounts/{account_id}", _ALL)
            shapes = [*page.items]
        if target_model:
            model = await self._model(target_model, account_id)
            shapes = [each for each in shapes if suits(each, model)]
        return select_page(shapes, struct_fields(DeploymentShape), ["name"], query, scope="shapes")

    async def get(self, account_id: str, shape_id: str) -> DeploymentShape:
        """A shape of an account; raises `NotFound`."""
        async with self._db.read() as conn:
            return (await self._read(conn, _name(account_id, shape_id))).shape

    async def versions(
        self, account_id: str, shape_id: str, query: ListQuery, *, target_model: str = ""
    ) -> Page[DeploymentShapeVersion]:
        """A page of the versions of a shape, or of every shape of the account; for a model, of
        the shipped ones too. Raises as `list` and `get`."""
        async with self._db.read() as conn:
            if shape_id == ANY:
                found = [*await self._all(conn, account_id)]
            else:
                found = [await self._read(conn, _name(account_id, shape_id))]
        if target_model:
            model = await self._model(target_model, account_id)
            if shape_id == ANY and account_id != PUBLIC_ACCOUNT:
                found += self._book.shipped.of(model).values()
            found = [each for each in found if suits(each.shape, model)]
        versions = [version for each in found for version in each.versions]
        fields = struct_fields(DeploymentShapeVersion)
        return select_page(versions, fields, ["name"], query, scope=f"versions of {shape_id}")

    async def version(
        self, account_id: str, shape_id: str, version_id: str, *, reader: str
    ) -> DeploymentShapeVersion:
        """A version of an account's shape, if `reader` may see it; raises `NotFound`."""
        name = f"{_name(account_id, shape_id)}/versions/{version_id}"
        async with self._db.read() as conn:
            found = await self._book.find_version(conn, name, reader=reader)
        if found is None:
            raise NotFound(f"There is no deployment shape version {name[:200]}.")
        return found

    async def change_version(
        self, name: str, change: VersionChange, asking: Asking
    ) -> DeploymentShapeVersion:
        """Set flags of a version of an own shape; raises `NotFound`."""
        shape_name, _, version_id = name.rpartition("/versions/")
        async with self._db.write() as conn:
            stored = await self.own.documents.read(conn, shape_name, is_locked=True)
            asking.check_may_change(stored.created_by)
            if all(each.name != name for each in shaped_of(stored).versions):
                raise NotFound(f"There is no deployment shape version {name[:200]}.")
            internal = changed_version(stored.internal, version_id, change)
            draft = Draft(resource=stored.resource, internal=internal)
            await self.own.documents.save(conn, stored, draft)
            entry = AuditEntry(
                actor=asking.actor,
                method="UpdateDeploymentShapeVersion",
                resource=name,
                payload=msgspec.to_builtins(change),
            )
            await record(conn, entry, clock=self._clock)
            after = shaped_of(await self.own.documents.read(conn, shape_name))
            return next(each for each in after.versions if each.name == name)

    async def match(
        self, account_id: str, deployment: Deployment
    ) -> Sequence[DeploymentShapeVersion]:
        """The validated versions that a deployment could be made with, presets first.

        Raises:
            InvalidRequest: there is no such model.
        """
        model = await self._model(deployment.base_model, account_id)
        async with self._db.read() as conn:
            own = [each for each in await self._all(conn, account_id) if suits(each.shape, model)]
        latest = [each.latest_validated for each in (*self._book.shipped.of(model).values(), *own)]
        return [
            each
            for each in latest
            if each is not None and not differences(deployment, each.snapshot)
        ]

    async def _read(self, conn: Connection, name: str) -> Shaped:
        shaped = await self._book.find(conn, name)
        if shaped is None:
            raise NotFound(f"There is no deployment shape {name[:200]}.")
        return shaped

    async def _all(self, conn: Connection, account_id: str) -> Sequence[Shaped]:
        if account_id == PUBLIC_ACCOUNT:
            return self._book.shipped.all()
        names = [each.name for each in (await self.own.list(f"accounts/{account_id}", _ALL)).items]
        found = [await self.own.documents.find(conn, name) for name in names]
        return [shaped_of(each) for each in found if each is not None]

    async def _model(self, name: str, account_id: str) -> ShapedModel:
        async with self._db.read() as conn:
            model = await self._book.models.find(conn, name, account_id)
        if model is None:
            raise InvalidRequest(
                f"There is no model {name[:200]!r} that can be deployed; list the models to see "
                "which there are.",
                param="targetModel",
            )
        return model


def _name(account_id: str, shape_id: str) -> str:
    return f"accounts/{account_id}/{SHAPE_KIND.collection}/{shape_id}"
