"""What a price book needs to know of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hearth.catalog.types import CatalogModel, ModelType

if TYPE_CHECKING:
    from hearth.pricing import Subject, Unit


def subject_of(model: CatalogModel, unit: Unit | None = None) -> Subject:
    """The model as a price book sees it.

    Args:
        unit: what is counted; None: what answers of this type of model are counted by.
    """
    # Here, since it brings the database along: who only lists models must not wait for that.
    from hearth.pricing import Subject, Unit

    units = {
        ModelType.EMBEDDING: Unit.EMBEDDING_TOKENS,
        ModelType.RERANK: Unit.EMBEDDING_TOKENS,
        ModelType.TRANSCRIPTION: Unit.AUDIO_MS,
        ModelType.IMAGE: Unit.IMAGE_STEPS,
    }
    return Subject(
        model=model.name,
        unit=unit or units.get(model.type, Unit.TOKENS),
        parameters=model.parameters,
        active_parameters=model.active_parameters,
        price_class=model.price_class,
    )
