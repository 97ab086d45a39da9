"""What `adapter_config.json` of a PEFT folder says, and what of it cannot be served.

Fields and their meaning: `LoraConfig` of the PEFT library, 0.19.
"""

from __future__ import annotations

import re
from math import sqrt
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from hearth.errors import InvalidRequest

CONFIG = "adapter_config.json"
MAX_CONFIG_BYTES = 4 << 20

N = TypeVar("N", int, float)

_PLAIN_PATTERN = re.compile(r"\^?[\w.]+\Z")
"Other regular expressions are refused: they come from strangers and could run for hours."
_OTHER_BASES = ("pissa", "olora", "corda", "lora_ga")
"Initialisations that also change the base, so that the matrices fit no published weights."


class PeftConfig(Struct, frozen=True, kw_only=True):
    """The fields that change what an adapter does."""

    peft_type: str = ""
    r: int
    lora_alpha: float
    use_rslora: bool = False
    rank_pattern: dict[str, int] | None = None
    alpha_pattern: dict[str, float] | None = None
    base_model_name_or_path: str | None = None
    use_dora: bool = False
    bias: str = "none"
    lora_bias: bool = False
    fan_in_fan_out: bool = False
    use_qalora: bool = False
    init_lora_weights: bool | str | None = True
    modules_to_save: list[str] | None = None
    layer_replication: list[Any] | None = None  # Any: refused whatever it holds
    target_parameters: list[str] | None = None
    alora_invocation_tokens: list[int] | None = None
    trainable_token_indices: Any = None  # Any: refused whatever it holds

    def rank(self, module: str) -> int:
        """The rank that a module's matrices should have."""
        return _matching(self.rank_pattern or {}, module, self.r)

    def scaling(self, module: str) -> float:
        """What the product of a module's matrices is multiplied by.

        rsLoRA (Kalajdzievski, 2023) divides by the square root of the rank.
        """
        alpha = _matching(self.alpha_pattern or {}, module, self.lora_alpha)
        rank = self.rank(module)
        return alpha / sqrt(rank) if self.use_rslora else alpha / rank


def read_peft_config(folder: Path) -> PeftConfig:
    """Read and check it.

    Raises:
        InvalidRequest: it is missing or damaged, or asks for what no engine here does; named.
    """
    path = folder / CONFIG
    if not path.is_file() or path.stat().st_size > MAX_CONFIG_BYTES:
        raise InvalidRequest(f"{CONFIG} is missing or far too large; upload the adapter's folder.")
    try:
        config = msgspec.json.decode(path.read_bytes(), type=PeftConfig)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{CONFIG} does not fit: {error}.") from error
    if config.peft_type not in ("", "LORA"):
        raise InvalidRequest(f"{CONFIG} is of the type {config.peft_type}; only LORA is served.")
    if config.r < 1 or not 0 < config.lora_alpha < float("inf"):
        raise InvalidRequest(f"{CONFIG}: `r` and `lora_alpha` must be above 0.")
    if unserved := _unserved(config):
        raise InvalidRequest(
            f"{CONFIG} asks for {', '.join(unserved)}, which no engine here serves: train the "
            "adapter without, or merge it into its base model and upload that."
        )
    return config


def _unserved(config: PeftConfig) -> list[str]:
    init = config.init_lora_weights
    patterns = [*(config.rank_pattern or {}), *(config.alpha_pattern or {})]
    refused = {
        "DoRA (`use_dora`)": config.use_dora,
        f"`bias` {config.bias!r}": config.bias != "none",
        "`lora_bias`": config.lora_bias,
        "`fan_in_fan_out`": config.fan_in_fan_out,
        "`use_qalora`": config.use_qalora,
        "`modules_to_save`": bool(config.modules_to_save),
        "`layer_replication`": bool(config.layer_replication),
        "`target_parameters`": bool(config.target_parameters),
        "`alora_invocation_tokens`": bool(config.alora_invocation_tokens),
        "`trainable_token_indices`": bool(config.trainable_token_indices),
        f"`init_lora_weights` {init!r}": isinstance(init, str) and init.startswith(_OTHER_BASES),
        "patterns of ranks or alphas that are more than a module's name": not all(
            _PLAIN_PATTERN.match(each) for each in patterns
        ),
    }
    return [what for what, is_there in refused.items() if is_there]


def _matching(patterns: dict[str, N], module: str, otherwise: N) -> N:
    for pattern, value in patterns.items():
        name = pattern.removeprefix("^")
        if module == name or (name is pattern and module.endswith(f".{name}")):
            return value
    return otherwise
