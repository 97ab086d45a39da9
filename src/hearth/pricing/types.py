"""Money, prices and price books. Amounts are integers of nano-USD: a billionth of a dollar.

A price is an amount per so many units, so that "$0.0015 per minute", counted in milliseconds, is
exact. Rounding happens once, for a whole event; see `cost`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

NANO = 1_000_000_000
"Nano-USD in a dollar."
MAX_NANO = 10**15
"A million dollars: no amount in a price is higher."
MAX_NANO_PER_UNIT = NANO
"A dollar for one token, step, millisecond or second; so 64 bits hold the cost of every event."

PriceId = Annotated[str, Meta(pattern=r"^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?\Z")]
Version = Annotated[str, Meta(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")]
AwareTime = Annotated[datetime, Meta(tz=True)]
Amount = Annotated[int, Meta(ge=0, le=MAX_NANO)]
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]


class Unit(StrEnum):
    """What is counted; each kind of event in the ledger has one."""

    TOKENS = "tokens"
    "Of prompts and completions."
    EMBEDDING_TOKENS = "embedding_tokens"
    AUDIO_MS = "audio_ms"
    "Milliseconds of sound."
    IMAGE_STEPS = "image_steps"
    "Denoising steps, over all images of a request."
    TRAINING_TOKENS = "training_tokens"
    "Tokens of the dataset, times epochs."
    GPU_SECONDS = "gpu_seconds"
    "Seconds, times accelerators."


TOKEN_UNITS = frozenset({Unit.TOKENS, Unit.EMBEDDING_TOKENS})
"Counted as prompt, cached and completion tokens; every other unit is one number."


class Price(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `per` units cost. Only tokens have a second and a third amount."""

    id: PriceId
    "Such as `text-under-4b` or `whisper-v3`; part of a book, and named on invoices."
    unit: Unit
    per: Annotated[int, Meta(ge=1, le=10**9)]
    amount: Amount
    "Nano-USD; of prompt tokens, where the unit is tokens."
    output_amount: Amount | None = None
    "Of completion tokens; None: as the prompt's."
    cached_amount: Amount | None = None
    "Of prompt tokens that came from a cache; None: the book's discount applies."
    minimum: Amount = 0
    "The least that an event costs which used anything; discounts come off it too."


class PriceBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every price from a moment on, until a later book of the same account takes over."""

    version: Version
    "Unique among all books; each row of the ledger names the one it was priced by."
    effective_time: AwareTime
    prices: tuple[Price, ...]
    models: dict[str, str] = {}
    "Full model name to price id: named prices, which win over the classes by size."
    cached_discount_bp: BasisPoints = 5_000
    "Off the prompt's price, for tokens from a cache; hundredths of a percent."
    batch_discount_bp: BasisPoints = 5_000
    "Off everything, for work of a batch job."
    repeat_discount_bp: BasisPoints = 10_000
    "Off everything, for an answer that is repeated from the response cache."


class Discount(StrEnum):
    """Which of a book's discounts comes off the whole of an event."""

    NONE = "none"
    BATCH = "batch"
    REPEAT = "repeat"


class Quantities(Struct, frozen=True, kw_only=True, gc=False):
    """What one event used. Tokens count in the first three, everything else in the last.

    None is negative. The tokens of embeddings are prompt tokens.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    "Part of `prompt_tokens`."
    completion_tokens: int = 0
    units: int = 0


class Subject(Struct, frozen=True, kw_only=True):
    """What is being priced, as far as a book needs to know it."""

    model: str = ""
    "The full name."
    unit: Unit = Unit.TOKENS
    parameters: int | None = None
    active_parameters: int | None = None
    "Set for mixtures of experts only."
    accelerator: str = ""
    "Such as `h100` or `NVIDIA_H100_80GB`, for GPU seconds."
    price_class: str = ""
    "The price that the catalogue names; empty: the class by size."


class AddedBook(Struct, frozen=True, kw_only=True):
    """A book that an operator added, and for whom."""

    account_id: str
    "Whose price plan it is; empty: for every account that has none."
    effective_time_ns: int
    create_time_ns: int
    book: PriceBook
