"""The prices that customers were told, line by line."""

from __future__ import annotations

import pytest

from hearth.catalog import Catalog, subject_of
from hearth.pricing import (
    CLASSES,
    NANO,
    Discount,
    Price,
    Quantities,
    Subject,
    Unit,
    accelerator_prices,
    cost_nano,
    price_for,
    quote,
    shipped_book,
)

BOOK = shipped_book()
MILLION = 10**6
BILLION = 10**9


def cost(price: Price | None, **used: int) -> int:
    assert price is not None
    return cost_nano(price, Quantities(**used), cached_discount_bp=BOOK.cached_discount_bp)


def model(name: str, unit: Unit | None = None) -> Price | None:
    found = Catalog.load().resolve(name, "me")
    assert found is not None
    return price_for(BOOK, subject_of(found, unit))


def sized(
    parameters: int, active: int | None = None, *, unit: Unit = Unit.TOKENS, price_class: str = ""
) -> Price | None:
    return price_for(
        BOOK,
        Subject(
            unit=unit, parameters=parameters, active_parameters=active, price_class=price_class
        ),
    )


def usd(text: str) -> int:
    """Nano-USD, by string arithmetic that shares nothing with the package's."""
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(9, "0"))


@pytest.mark.parametrize(
    ("name", "prompt", "completion"),
    [
        ("llama-v3p2-3b-instruct", "0.10", "0.10"),
        ("llama-v3p1-8b-instruct", "0.20", "0.20"),
        ("llama-v3p1-70b-instruct", "0.90", "0.90"),
        ("deepseek-v3", "0.90", "0.90"),
        ("mixtral-8x7b-instruct", "0.50", "0.50"),
        ("mixtral-8x22b-instruct", "1.20", "1.20"),
        ("deepseek-r1", "3.00", "8.00"),
        ("deepseek-r1-0528", "3.00", "8.00"),
        ("deepseek-r1-basic", "0.55", "2.19"),
        ("llama-v3p1-405b-instruct", "3.00", "3.00"),
        ("llama-v4-maverick-instruct-basic", "0.22", "0.88"),
        ("llama-v4-scout-instruct-basic", "0.15", "0.60"),
        ("qwen3-235b-a22b", "0.22", "0.88"),
        ("qwen3-30b-a3b", "0.15", "0.60"),
    ],
)
def test_a_million_tokens_of_a_model_cost(name: str, prompt: str, completion: str) -> None:
    price = model(name)

    assert cost(price, prompt_tokens=MILLION) == usd(prompt)
    assert cost(price, completion_tokens=MILLION) == usd(completion)
    assert cost(price, prompt_tokens=MILLION, cached_tokens=MILLION) == usd(prompt) // 2


@pytest.mark.parametrize(
    ("parameters", "active", "price"),
    [
        (1, None, "text-under-4b"),
        (4 * BILLION - 1, None, "text-under-4b"),
        (4 * BILLION, None, "text-4b-to-16b"),
        (16 * BILLION, None, "text-4b-to-16b"),
        (16 * BILLION + 1, None, "text-over-16b"),
        (10**13, None, "text-over-16b"),
        (BILLION, BILLION // 4, "moe-up-to-56b"),
        (56 * BILLION, BILLION, "moe-up-to-56b"),
        (56 * BILLION + 1, BILLION, "moe-56b-to-176b"),
        (176 * BILLION, BILLION, "moe-56b-to-176b"),
        (176 * BILLION + 1, BILLION, "text-over-16b"),
    ],
)
def test_the_class_of_text_follows_the_size(
    parameters: int, active: int | None, price: str
) -> None:
    found = sized(parameters, active)

    assert found is not None
    assert found.id == price


@pytest.mark.parametrize(
    ("parameters", "a_million"),
    [
        (1, "0.008"),
        (150 * MILLION, "0.008"),
        (150 * MILLION + 1, "0.016"),
        (350 * MILLION, "0.016"),
        (350 * MILLION + 1, "0.10"),
        (8 * BILLION, "0.20"),
    ],
)
def test_a_million_tokens_of_embeddings_cost(parameters: int, a_million: str) -> None:
    price = sized(parameters, unit=Unit.EMBEDDING_TOKENS)

    assert cost(price, prompt_tokens=MILLION) == usd(a_million)


@pytest.mark.parametrize(
    ("name", "a_minute"),
    [
        ("fireworks-asr", "0.0025"),
        ("whisper-v3-large", "0.0015"),
        ("whisper-v3-large-turbo", "0.0009"),
        ("fireworks-asr-large", "0.0032"),
    ],
)
def test_a_minute_of_audio_costs(name: str, a_minute: str) -> None:
    price = model(name)

    assert cost(price, units=60_000) == usd(a_minute)
    assert cost(price, units=60_000 * 60 * 24) == usd(a_minute) * 60 * 24


def test_streaming_costs_the_same_whichever_model_hears() -> None:
    streaming = Subject(
        model="accounts/fireworks/models/whisper-v3",
        unit=Unit.AUDIO_MS,
        price_class="streaming-transcription",
    )

    assert cost(price_for(BOOK, streaming), units=60_000) == usd("0.0032")


@pytest.mark.parametrize(
    ("name", "a_step", "steps", "an_image"),
    [
        ("sdxl", "0.00013", 30, "0.0039"),
        ("flux-1-dev-fp8", "0.0005", 28, "0.014"),
        ("flux-1-schnell-fp8", "0.00035", 4, "0.0014"),
    ],
)
def test_an_image_costs(name: str, a_step: str, steps: int, an_image: str) -> None:
    price = model(name)

    assert cost(price, units=1) == usd(a_step)
    assert cost(price, units=steps) == usd(an_image)


@pytest.mark.parametrize(
    ("parameters", "active", "a_million"),
    [
        (8 * BILLION, None, "0.50"),
        (16 * BILLION, None, "0.50"),
        (16 * BILLION + 1, None, "3.00"),
        (80 * BILLION, None, "3.00"),
        (47 * BILLION, 13 * BILLION, "2.00"),
        (56 * BILLION, 13 * BILLION, "2.00"),
        (56 * BILLION + 1, 39 * BILLION, "6.00"),
        (176 * BILLION, 39 * BILLION, "6.00"),
    ],
)
def test_training_costs(parameters: int, active: int | None, a_million: str) -> None:
    price = sized(parameters, active, unit=Unit.TRAINING_TOKENS)

    assert cost(price, units=100 * MILLION) == 100 * usd(a_million)
    assert cost(price, units=1) == usd("3.00"), "the minimum of a job"
    assert cost(price, units=0) == 0, "a job that trained on nothing"


@pytest.mark.parametrize(
    ("parameters", "active"), [(80 * BILLION + 1, None), (177 * BILLION, BILLION)]
)
def test_training_of_the_largest_models_has_no_price(parameters: int, active: int | None) -> None:
    assert sized(parameters, active, unit=Unit.TRAINING_TOKENS) is None


def test_training_a_model_with_a_named_price_costs_what_its_size_does() -> None:
    price = model("qwen3-30b-a3b", Unit.TRAINING_TOKENS)

    assert cost(price, units=100 * MILLION) == usd("200")


@pytest.mark.parametrize(
    ("accelerator", "an_hour"),
    [
        ("a100", "2.90"),
        ("NVIDIA_A100_80GB", "2.90"),
        ("h100", "5.80"),
        ("NVIDIA_H100_80GB", "5.80"),
        ("h200", "9.99"),
        ("NVIDIA_H200_141GB", "9.99"),
        ("mi300x", "4.99"),
        ("AMD_MI300X_192GB", "4.99"),
    ],
)
def test_an_accelerator_costs_by_the_second(accelerator: str, an_hour: str) -> None:
    subject = Subject(
        model="accounts/fireworks/models/deepseek-r1",
        unit=Unit.GPU_SECONDS,
        accelerator=accelerator,
        price_class="deepseek-r1-fast",
    )
    price = price_for(BOOK, subject)

    assert cost(price, units=3600) == usd(an_hour)
    assert abs(cost(price, units=1) * 3600 - usd(an_hour)) <= 1800, "half a nano-USD a second"


@pytest.mark.parametrize("accelerator", ["", "cpu", "tpu-v9", "h1000"])
def test_an_accelerator_without_a_price_costs_nothing(accelerator: str) -> None:
    assert price_for(BOOK, Subject(unit=Unit.GPU_SECONDS, accelerator=accelerator)) is None


def test_batches_cost_half_and_repeated_answers_nothing() -> None:
    subject = Subject(price_class="deepseek-r1-fast")
    plain, batch, repeat = (quote(BOOK, subject, each) for each in Discount)
    assert plain is not None
    assert batch is not None
    assert repeat is not None

    used = 100, 40, 10
    assert plain.rate.of_tokens(*used) == 60 * 3000 + 40 * 1500 + 10 * 8000
    assert batch.rate.of_tokens(*used) * 2 == plain.rate.of_tokens(*used)
    assert repeat.rate.of_tokens(*used) == 0
    assert (plain.discount_bp, batch.discount_bp, repeat.discount_bp) == (0, 5000, 10_000)


def test_every_price_of_the_catalogue_is_in_the_book() -> None:
    prices = {price.id for price in BOOK.prices}
    named = {each.price_class for each in Catalog.load().models} - {""}

    assert named - prices == set()
    assert named & CLASSES == set(), "a class follows from the parameters"


def test_every_price_of_the_book_can_be_reached() -> None:
    named = {each.price_class for each in Catalog.load().models}
    accelerators = {accelerator_prices(name)[1] for name in ("a100", "h100", "h200", "mi300x")}

    assert {price.id for price in BOOK.prices} == CLASSES | accelerators | named - {""}


def test_all_that_can_be_called_by_name_has_a_price_unless_it_is_known_to_have_none() -> None:
    unpriced = {
        each.id for each in Catalog.load().models if price_for(BOOK, subject_of(each)) is None
    }

    assert unpriced == {"pocketsphinx-en-us", "espeak-ng", "fireworks-tts"}


def test_a_model_of_unknown_size_costs_nothing() -> None:
    assert price_for(BOOK, Subject(model="accounts/me/models/attached")) is None


def test_a_dollar_has_a_billion_parts() -> None:
    assert usd("1.00") == NANO
