"""Which models' layers are known, by the ids of the catalogue."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

from hearth.deployments.placement.asks import Attention, ModelSize


def model_size(
    name: str, parameters: int | None, context_tokens: int | None, weights_bytes: int | None = None
) -> ModelSize:
    """What a model needs memory for, its layers looked up by its name.

    Args:
        name: the full name or the id.
        context_tokens: None or 0 of models that keep no context, such as encoders.
    """
    return ModelSize(
        name=name,
        parameters=parameters or 0,
        context_tokens=context_tokens or 0,
        attention=attention_of(name),
        weights_bytes=weights_bytes,
    )


def attention_of(name: str) -> Attention | None:
    """The layers of the model with this id, or of the longest known name that its id begins with.

    `llama-v3p1-70b-instruct` is a `llama-v3p1-70b`. A distilled model has another's layers, so
    nothing is known of it.
    """
    model_id = name.rpartition("/")[2]
    if "distill" in model_id:
        return None
    known = _known()
    found = [key for key in known if model_id == key or model_id.startswith(f"{key}-")]
    return known[max(found, key=len)] if found else None


@cache
def _known() -> dict[str, Attention]:
    text = files("hearth.deployments.placement").joinpath("attention.toml").read_text("utf-8")
    return msgspec.toml.decode(text, type=dict[str, Attention])
