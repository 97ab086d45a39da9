"""What is looked at before uploaded weights become a model: whether they are what it says it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hearth.accounts import Status
from hearth.catalog import Inspection, ModelKind, ModelType
from hearth.errors import InvalidRequest
from hearth.models.precisions import precision_of
from hearth.models.types import BaseModelDetails, Model, ModelState, PeftDetails

_ADAPTERS = frozenset({ModelKind.HF_PEFT_ADDON, ModelKind.HF_TEFT_ADDON, ModelKind.DRAFT_ADDON})
_CONFIG = "adapter_config.json"
_MAX_CONFIG_BYTES = 4 << 20


class _AdapterConfig(Struct, frozen=True):
    """The fields of PEFT's adapter_config.json that a model shows."""

    r: int = 0
    target_modules: list[str] | str | None = None
    base_model_name_or_path: str | None = None


def check_kind(model: Model, folder: Path, inspection: Inspection) -> None:
    """Raise `InvalidRequest` where files are of another kind of model than was made."""
    is_adapter = inspection.type is ModelType.ADAPTER
    if is_adapter and model.kind not in _ADAPTERS:
        raise InvalidRequest(
            f"The files are an adapter's ({_CONFIG} is among them), but {model.name} is of the "
            f"kind {model.kind}; delete it and make one of the kind HF_PEFT_ADDON.",
            param="kind",
        )
    if not is_adapter and model.kind is ModelKind.HF_PEFT_ADDON:
        raise InvalidRequest(
            f"{model.name} is of the kind HF_PEFT_ADDON, but the files are no adapter: "
            f"{_CONFIG} and adapter_model.safetensors are needed.",
            param="kind",
        )
    if is_adapter:
        read_adapter(model, folder)


def read_adapter(model: Model, folder: Path) -> PeftDetails:
    """What is known of an adapter: as its account said, else as its own config says.

    Raises:
        InvalidRequest: the config cannot be read, or says something else than the account did.
    """
    said = model.peft_details or PeftDetails()
    path = folder / _CONFIG
    config = _AdapterConfig()
    if path.is_file():
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise InvalidRequest(f"{_CONFIG} is far too large.")
        try:
            config = msgspec.json.decode(path.read_bytes(), type=_AdapterConfig)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidRequest(f"{_CONFIG} is not usable: {error}.") from error
    if said.r and config.r and said.r != config.r:
        raise InvalidRequest(
            f"peftDetails.r is {said.r}, but {_CONFIG} says {config.r}; make the model with the "
            "rank that the adapter has.",
            param="peftDetails.r",
        )
    modules = config.target_modules or []
    return msgspec.structs.replace(
        said,
        r=said.r or config.r,
        target_modules=said.target_modules or ([modules] if isinstance(modules, str) else modules),
        base_model=said.base_model or config.base_model_name_or_path or "",
    )


def arrived(model: Model, inspection: Inspection, adapter: PeftDetails | None) -> Model:
    """The model once its weights are in the store, with what they say of themselves."""
    changes: dict[str, Any] = {"state": ModelState.READY, "status": Status()}  # Any: many types
    if model.context_length is None:
        changes["context_length"] = inspection.context_length
    if adapter is not None:
        changes["peft_details"] = adapter
    else:
        details = model.base_model_details or BaseModelDetails()
        changes["base_model_details"] = msgspec.structs.replace(
            details,
            parameter_count=str(inspection.parameters),
            moe=inspection.active_parameters is not None,
            model_type=details.model_type or inspection.architecture,
            default_precision=precision_of(inspection.quantisation) or "PRECISION_UNSPECIFIED",
        )
    return msgspec.structs.replace(model, **changes)
