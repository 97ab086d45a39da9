"""The part that shapes have in the rules of deployments: see `Parts.completers`."""

from __future__ import annotations

from msgspec.structs import replace

from hearth.catalog import PUBLIC_ACCOUNT
from hearth.deployments.rules import DEPLOYMENT_KIND
from hearth.deployments.shapes.applying import suits, with_shape, without_shape
from hearth.deployments.shapes.book import ShapeBook
from hearth.deployments.shapes.types import (
    SHAPE_KIND,
    DeploymentShapeVersion,
    Preset,
    ShapedModel,
)
from hearth.deployments.types import Deployment
from hearth.errors import InvalidRequest
from hearth.kit.db import Connection
from hearth.resources import Asking, Documents

_PARAM = "deploymentShape"
_PRESETS = {
    preset.lower().replace("_", "-"): preset
    for preset in (Preset.MINIMAL, Preset.FAST, Preset.THROUGHPUT, Preset.FULL_PRECISION)
}


class ShapeCompleter:
    """Gives a deployment that names a shape, or a preset by its word, what the shape says."""

    def __init__(self, book: ShapeBook) -> None:
        self._book = book
        self._deployments = Documents(DEPLOYMENT_KIND)

    async def __call__(
        self, conn: Connection, deployment: Deployment, asking: Asking
    ) -> Deployment:
        """See `Parts.completers`; afterwards `deploymentShape` is the name of a version.

        Raises:
            InvalidRequest: there is no such shape, it is for another model, or the deployment
                sets a field that the shape has otherwise, without `skipShapeValidation`.
        """
        asked = deployment.deployment_shape
        if not asked:
            return deployment
        before = await self._deployments.find(conn, deployment.name)
        is_kept = before is not None and before.resource.deployment_shape == asked
        if is_kept and asked in _PRESETS:  # computed when it was chosen; prices may differ by now
            return deployment
        is_checked = not asking.flag("skipShapeValidation")
        account_id = deployment.name.split("/")[1]
        model = await self._book.models.find(conn, deployment.base_model, account_id)
        if model is None:
            return deployment  # the deployment's own rules say why
        version = await self._version(conn, asked, model, account_id)
        if version is None and is_kept:  # its shape is gone; what it got of it stays
            return deployment
        if version is None:
            raise InvalidRequest(self._unknown(asked, model), param=_PARAM)
        if is_checked:
            _check(version, model)
        if before is not None and not is_kept:
            deployment = without_shape(deployment, before.resource)
        shaped = with_shape(deployment, version.snapshot, is_checked=is_checked)
        return replace(shaped, deployment_shape=_kept_name(asked, version, model))

    async def _version(
        self, conn: Connection, asked: str, model: ShapedModel, account_id: str
    ) -> DeploymentShapeVersion | None:
        """What a name means: a preset's word, a shape, or a version of one."""
        preset = _PRESETS.get(_word(asked))
        if preset is not None:
            shaped = self._book.shipped.of(model).get(preset)
            return None if shaped is None else shaped.latest_validated
        name = asked.replace("/deployment-shapes/", f"/{SHAPE_KIND.collection}/")
        if "/versions/" in name:
            return await self._book.find_version(conn, name, reader=account_id)
        own, public = f"accounts/{account_id}", f"accounts/{PUBLIC_ACCOUNT}"
        names = (
            [name]
            if "/" in name
            else [f"{p}/{SHAPE_KIND.collection}/{name}" for p in (own, public)]
        )
        for each in names:
            shaped = await self._book.find(conn, each)
            if shaped is not None:
                versions = [v for v in shaped.versions if v.public or each.startswith(f"{own}/")]
                latest = shaped.latest_validated
                return latest if latest in versions else next(iter(versions), None)
        return None

    def _unknown(self, asked: str, model: ShapedModel) -> str:
        known = [each.shape.name for each in self._book.shipped.of(model).values()]
        words = ", ".join(_PRESETS)
        if not known:
            return (
                f"deploymentShape: no shape {asked[:200]!r} for {model.name}, whose size is not "
                "known or that nothing here holds; leave it out and choose accelerators."
            )
        return (
            f"deploymentShape: there is no shape {asked[:200]!r}. For {model.size.id} use one of "
            f"{words}, or {', '.join(known)}."
        )


def _kept_name(asked: str, version: DeploymentShapeVersion, model: ShapedModel) -> str:
    """Presets of models that the catalogue does not have are known by their word alone."""
    word = _word(asked)
    is_catalogued = model.name.startswith(f"accounts/{PUBLIC_ACCOUNT}/")
    return word if word in _PRESETS and not is_catalogued else version.name


def _word(asked: str) -> str:
    return asked.lower().replace("_", "-")


def _check(version: DeploymentShapeVersion, model: ShapedModel) -> None:
    if not suits(version.snapshot, model):
        raise InvalidRequest(
            f"deploymentShape: {version.name} is for {version.snapshot.base_model}, not for "
            f"{model.name}; list the shapes of that model, or pass skipShapeValidation.",
            param=_PARAM,
        )
    if not version.validated:
        raise InvalidRequest(
            f"deploymentShape: {version.name} was never validated; pass skipShapeValidation to "
            "use it nevertheless.",
            param=_PARAM,
        )
