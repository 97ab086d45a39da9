"""The shapes that ship: presets for every model of the catalogue, owned by its account."""

from __future__ import annotations

from collections.abc import Callable

from hearth.catalog import PUBLIC_ACCOUNT
from hearth.deployments.placement import Inventory, Prices
from hearth.deployments.shapes.presets import Hardware, Offer, hardware_for
from hearth.deployments.shapes.types import (
    SHAPE_KIND,
    DeploymentShape,
    DeploymentShapeVersion,
    Models,
    Preset,
    Shaped,
    ShapedModel,
)

PARENT = f"accounts/{PUBLIC_ACCOUNT}"
_MAX_ID_CHARS = 63
_WORDS = {
    Preset.MINIMAL: "the cheapest that holds it",
    Preset.FAST: "for the shortest times to an answer",
    Preset.THROUGHPUT: "for many requests at once",
    Preset.FULL_PRECISION: "with 16 bits",
}


class Shipped:
    """The presets; each model's are computed once for the prices of the time.

    Args:
        models: what can be deployed.
        inventory: which accelerators there are.
        prices: by the hour, as they are now.
    """

    def __init__(self, models: Models, inventory: Inventory, prices: Callable[[], Prices]) -> None:
        self._models = models
        self._inventory = inventory
        self._prices = prices
        self._computed_at: Prices = {}
        self._presets: dict[ShapedModel, dict[Preset, Shaped]] = {}

    def of(self, model: ShapedModel) -> dict[Preset, Shaped]:
        """The presets of a model, of the catalogue or not; empty where nothing suits it."""
        prices = self._prices()
        if prices != self._computed_at:
            self._presets.clear()
            self._computed_at = dict(prices)
        if model not in self._presets:
            found = hardware_for(model.size, Offer(self._inventory, prices))
            self._presets[model] = {
                preset: _shaped(model, preset, hardware) for preset, hardware in found.items()
            }
        return self._presets[model]

    def all(self) -> list[Shaped]:
        """Those of every model of the catalogue."""
        return [each for model in self._models.public() for each in self.of(model).values()]

    def find(self, name: str) -> Shaped | None:
        """By full name."""
        if not name.startswith(f"{PARENT}/"):
            return None
        return next((each for each in self.all() if each.shape.name == name), None)


def _shaped(model: ShapedModel, preset: Preset, hardware: Hardware) -> Shaped:
    suffix = f"-{preset.lower().replace('_', '-')}"
    shape_id = model.size.id[: _MAX_ID_CHARS - len(suffix)].rstrip("-") + suffix
    parameters = model.size.parameters
    shape = DeploymentShape(
        name=f"{PARENT}/{SHAPE_KIND.collection}/{shape_id}",
        display_name=f"{model.size.id} {preset.lower().replace('_', ' ')}",
        description=f"{model.size.id}, {_WORDS[preset]}: computed from its memory estimate.",
        create_time=model.create_time,
        update_time=model.create_time,
        base_model=model.name,
        model_type=model.type,
        parameter_count=str(parameters) if parameters else "",
        accelerator_type=hardware.accelerator,
        accelerator_count=hardware.count,
        precision=hardware.precision,
        max_context_length=hardware.max_context_tokens,
        enable_addons=model.takes_addons and preset is not Preset.FAST,
        preset_type=preset,
        etag="1",
    )
    version = DeploymentShapeVersion(
        name=f"{shape.name}/versions/v1",
        create_time=model.create_time,
        snapshot=shape,
        validated=True,
        public=True,
        latest_validated=True,
    )
    return Shaped(shape=shape, versions=(version,))
