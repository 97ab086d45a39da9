"""Which price of a book applies: the model's own, the one its catalogue names, or its class.

A class follows from the number of parameters. Its bounds are those that customers were told, so
they are part of what the class's name means and the same in every book; the amounts are the book's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from hearth.pricing.types import TOKEN_UNITS, Price, PriceBook, Subject, Unit

_Classes = Sequence[tuple[float, str]]
"The most parameters of each class, in rising order."

_BILLION: Final = 10**9
_MILLION: Final = 10**6
_ANY = float("inf")

_TEXT: _Classes = (
    (4 * _BILLION - 1, "text-under-4b"),
    (16 * _BILLION, "text-4b-to-16b"),
    (_ANY, "text-over-16b"),
)
_TEXT_MIXTURES: _Classes = (
    (56 * _BILLION, "moe-up-to-56b"),
    (176 * _BILLION, "moe-56b-to-176b"),
    (_ANY, "text-over-16b"),  # where DeepSeek V3, with 671B, was listed
)
_EMBEDDING: _Classes = (
    (150 * _MILLION, "embedding-up-to-150m"),
    (350 * _MILLION, "embedding-150m-to-350m"),
    *_TEXT,  # larger ones are language models that give vectors
)
_TRAINING: _Classes = (
    (16 * _BILLION, "training-up-to-16b"),
    (80 * _BILLION, "training-16b-to-80b"),
)
_TRAINING_MIXTURES: _Classes = (
    (56 * _BILLION, "training-moe-up-to-56b"),
    (176 * _BILLION, "training-moe-56b-to-176b"),
)

_BY_SIZE: dict[Unit, tuple[_Classes, _Classes]] = {
    Unit.TOKENS: (_TEXT, _TEXT_MIXTURES),
    Unit.EMBEDDING_TOKENS: (_EMBEDDING, _EMBEDDING),
    Unit.TRAINING_TOKENS: (_TRAINING, _TRAINING_MIXTURES),
}
"Of dense models and of mixtures of experts; what is counted otherwise has no class by size."

CLASSES = frozenset(name for both in _BY_SIZE.values() for each in both for _, name in each)
"Every class that a number of parameters can lead to."

_VENDORS = ("nvidia-", "amd-")
_MEMORY = re.compile(r"-\d+gb$")


def price_for(book: PriceBook, subject: Subject) -> Price | None:
    """The first of these that the book has, counted as the subject is; None: it costs nothing.

    The price that the book names for the model, the one the catalogue names, the class by size.
    """
    prices = {price.id: price for price in book.prices}
    for price_id in _candidates(book, subject):
        price = prices.get(price_id)
        if price is not None and _counts_alike(price.unit, subject.unit):
            return price
    return None


def class_by_size(unit: Unit, parameters: int | None, active: int | None = None) -> str:
    """The class of a model with so many parameters; empty: there is none.

    Args:
        active: the parameters used per token, of mixtures of experts only.
    """
    if parameters is None or unit not in _BY_SIZE:
        return ""
    dense, mixtures = _BY_SIZE[unit]
    classes = dense if active is None else mixtures
    return next((name for most, name in classes if parameters <= most), "")


def accelerator_prices(accelerator: str) -> tuple[str, str]:
    """The price ids of an accelerator: with its memory, if that is said, and without.

    `NVIDIA_H100_80GB` may be priced as `gpu-h100-80gb` or as `gpu-h100`; `h100` as the latter.
    """
    spelt = accelerator.lower().replace("_", "-")
    for vendor in _VENDORS:
        spelt = spelt.removeprefix(vendor)
    return f"gpu-{spelt}", f"gpu-{_MEMORY.sub('', spelt)}"


def _candidates(book: PriceBook, subject: Subject) -> Iterator[str]:
    if subject.unit is Unit.GPU_SECONDS:
        yield from accelerator_prices(subject.accelerator)
        return
    yield book.models.get(subject.model, "")
    yield subject.price_class
    yield class_by_size(subject.unit, subject.parameters, subject.active_parameters)


def _counts_alike(price: Unit, subject: Unit) -> bool:
    """A price per token is no price of training the model, nor of the GPU it runs on."""
    return price is subject or (price in TOKEN_UNITS and subject in TOKEN_UNITS)
