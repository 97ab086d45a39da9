"""Who answers for a model."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from hearth.catalog import Catalog, CatalogModel, ModelType, Serving, Weights, decide
from hearth.catalog.serving import Profile
from hearth.catalog.types import Inspection, Manifest, StoredFile

CHAT = "llama-v3p1-8b-instruct"
DEFAULT = "smollm2-135m-instruct"


def weights(
    model_id: str,
    *,
    form: Literal["gguf", "safetensors"] = "gguf",
    model_type: ModelType = ModelType.CHAT,
    architecture: str = "llama",
) -> Weights:
    inspection = Inspection(
        format=form, architecture=architecture, type=model_type, parameters=1, quantisation="F32"
    )
    manifest = Manifest(
        name=f"accounts/fireworks/models/{model_id}", source="file:/x", entry="x",
        files=(StoredFile(path="x", size_bytes=1, sha256="0" * 64),), inspection=inspection,
        pulled_time=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return Weights(folder=Path("nowhere"), manifest=manifest)


def ask(catalog: Catalog, model_id: str, *here: Weights, profile: Profile = "dev") -> Serving:
    model = catalog.resolve(model_id, "me")
    assert isinstance(model, CatalogModel)
    by_name = {one.name: one for one in here}
    return decide(model, by_name, profile, stand_ins=catalog.stand_ins())


@pytest.mark.parametrize("profile", ["dev", "production"])
def test_a_model_whose_gguf_is_here_serves_itself(catalog: Catalog, profile: Profile) -> None:
    serving = ask(catalog, CHAT, weights(CHAT), weights(DEFAULT), profile=profile)

    assert (serving.callable, serving.is_stand_in, serving.engine) == (True, False, "llamacpp")
    assert serving.served_by == f"accounts/fireworks/models/{CHAT}"
    assert serving.details == ""


@pytest.mark.parametrize("model_id", [CHAT, "llama-v3p2-11b-vision-instruct", "deepseek-r1"])
def test_in_dev_the_embedded_default_stands_in_and_says_so(catalog: Catalog, model_id: str) -> None:
    serving = ask(catalog, model_id, weights(DEFAULT))

    assert serving.callable
    assert serving.is_stand_in
    assert serving.served_by == f"accounts/fireworks/models/{DEFAULT}"
    assert f"hearth pull {model_id}" in serving.details


def test_in_production_nothing_stands_in(catalog: Catalog) -> None:
    serving = ask(catalog, CHAT, weights(DEFAULT), profile="production")

    assert not serving.callable
    assert serving.served_by is None
    assert serving.remedy == f"hearth pull {CHAT}"


def test_without_the_stand_in_the_remedy_is_to_pull_it(catalog: Catalog) -> None:
    assert ask(catalog, CHAT).remedy == f"hearth pull {DEFAULT}"
    assert ask(catalog, DEFAULT).remedy == f"hearth pull {DEFAULT}"


@pytest.mark.parametrize(
    ("model_id", "kind"),
    [
        ("whisper-v3", "transcription"),
        ("fireworks-tts", "speech"),
        ("flux-1-dev-fp8", "image"),
    ],
)
def test_kinds_without_an_engine_are_not_callable_whatever_is_here(
    catalog: Catalog, model_id: str, kind: str
) -> None:
    serving = ask(catalog, model_id, weights(DEFAULT), weights("all-minilm-l6-v2"))

    assert not serving.callable
    assert f"no engine for {kind} models" in serving.reason


def test_safetensors_are_not_callable_yet_and_the_reason_names_them(catalog: Catalog) -> None:
    own = weights(CHAT, form="safetensors")
    alone = ask(catalog, CHAT, own, profile="production")

    assert not alone.callable
    assert "safetensors" in alone.reason
    assert "GGUF" in alone.reason
    assert alone.remedy.endswith("--replace")
    assert ask(catalog, CHAT, own, weights(DEFAULT)).is_stand_in


def test_weights_of_another_kind_do_not_serve(catalog: Catalog) -> None:
    wrong = weights(CHAT, model_type=ModelType.EMBEDDING)

    assert "embedding" in ask(catalog, CHAT, wrong, profile="production").reason


def encoder(model_id: str, architecture: str = "BertModel") -> Weights:
    return weights(
        model_id,
        form="safetensors",
        model_type=ModelType.EMBEDDING,
        architecture=architecture,
    )


@pytest.mark.parametrize("model_id", ["nomic-embed-text-v1.5", "gte-base", "qwen3-reranker-8b"])
def test_in_dev_the_embedded_encoder_stands_in_for_every_model_of_vectors(
    catalog: Catalog, model_id: str
) -> None:
    minilm = encoder("all-minilm-l6-v2")

    serving = ask(catalog, model_id, minilm)

    assert (serving.engine, serving.is_stand_in) == ("embedding", True)
    assert serving.served_by == minilm.name
    assert not ask(catalog, model_id, minilm, profile="production").callable


def test_an_encoder_of_the_bert_family_serves_itself(catalog: Catalog) -> None:
    serving = ask(catalog, "gte-base", encoder("gte-base"), profile="production")

    assert (serving.engine, serving.is_stand_in) == ("embedding", False)


def test_an_encoder_of_another_family_does_not_serve_and_is_named(catalog: Catalog) -> None:
    other = encoder("nomic-embed-text-v1p5", "NomicBertModel")

    serving = ask(catalog, "nomic-embed-text-v1.5", other, profile="production")

    assert not serving.callable
    assert "NomicBertModel" in serving.reason


def test_weights_that_write_text_do_not_stand_in_for_vectors(catalog: Catalog) -> None:
    assert not ask(catalog, "gte-base", weights(DEFAULT), weights("all-minilm-l6-v2")).callable


def test_a_model_without_known_weights_is_told_how_to_bring_some(catalog: Catalog) -> None:
    model = CatalogModel(
        id="mine", account="me", display_name="Mine", kind=catalog.models[0].kind,
        type=ModelType.CHAT, created=catalog.models[0].created,
    )  # fmt: skip

    serving = decide(model, {}, "production", stand_ins={})

    assert serving.remedy == "hearth pull SOURCE.gguf --as mine --account me"
