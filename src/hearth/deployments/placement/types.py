"""What placement chooses from: accelerators, regions, prices. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

COUNTS: Final = (1, 2, 4, 8, 16)
"How many accelerators one replica may hold: the sizes that tensor parallelism divides evenly."


class AcceleratorType(StrEnum):
    """`AcceleratorType` of the Fireworks control plane, and the processor of this machine."""

    NVIDIA_A100_80GB = "NVIDIA_A100_80GB"
    NVIDIA_H100_80GB = "NVIDIA_H100_80GB"
    AMD_MI300X_192GB = "AMD_MI300X_192GB"
    NVIDIA_A10G_24GB = "NVIDIA_A10G_24GB"
    NVIDIA_A100_40GB = "NVIDIA_A100_40GB"
    NVIDIA_L4_24GB = "NVIDIA_L4_24GB"
    NVIDIA_H200_141GB = "NVIDIA_H200_141GB"
    NVIDIA_B200_180GB = "NVIDIA_B200_180GB"
    AMD_MI325X_256GB = "AMD_MI325X_256GB"
    AMD_MI350X_288GB = "AMD_MI350X_288GB"
    NVIDIA_B300_288GB = "NVIDIA_B300_288GB"
    CPU = "CPU"
    "Ours: this machine's processor and memory."


class Precision(StrEnum):
    """`DeploymentPrecision` of the Fireworks control plane, and two of our own."""

    FP16 = "FP16"
    BF16 = "BF16"
    FP8 = "FP8"
    FP8_MM = "FP8_MM"
    FP8_AR = "FP8_AR"
    FP8_MM_KV_ATTN = "FP8_MM_KV_ATTN"
    FP8_KV = "FP8_KV"
    FP8_MM_V2 = "FP8_MM_V2"
    FP8_V2 = "FP8_V2"
    FP8_MM_KV_ATTN_V2 = "FP8_MM_KV_ATTN_V2"
    NF4 = "NF4"
    FP4 = "FP4"
    FP4_BLOCKSCALED_MM = "FP4_BLOCKSCALED_MM"
    FP4_MX_MOE = "FP4_MX_MOE"
    INT8 = "INT8"
    "Ours: llama.cpp's Q8_0."
    INT4 = "INT4"
    "Ours: llama.cpp's Q4_0."


class MultiRegion(StrEnum):
    """`MultiRegion` of the Fireworks control plane."""

    GLOBAL = "GLOBAL"
    US = "US"
    EUROPE = "EUROPE"
    APAC = "APAC"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """The accelerators of one kind in one region."""

    accelerator: AcceleratorType
    count: int
    "Accelerators, or shares of one where `share_bytes` is set."
    memory_bytes: int
    "Of one accelerator."
    is_emulated: bool
    "It is not here: replicas run on this machine's processor and every view says so."
    share_bytes: int = 0
    "Set of a processor: one is there, and replicas take shares of its memory, of this size."


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A region of a cloud, under our name and the contract's."""

    name: str
    "As clouds spell them, such as `us-west-2`; `local` is this machine."
    contract_region: str
    "A name of the contract's `Region`; empty for `local`."
    multi_region: MultiRegion
    cloud: str
    place: str
    "Where it is, for a person."
    timezone: str
    "IANA name: when its day is."
    certifications: frozenset[str]
    "Lower case: `hipaa`, `soc2`, `gdpr`."
    stocks: tuple[Stock, ...]


PlaceKey = tuple[str, AcceleratorType]
"A region's name and a kind of accelerator."
Free = Mapping[PlaceKey, int]
"What nobody holds, by place, counted as `Stock.count` is; a place that is not there has none."
Prices = Mapping[AcceleratorType, int]
"Nano-USD per accelerator and hour; what is not there is not priced."


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """Every region that deployments may run in."""

    regions: tuple[Region, ...]

    def capacity(self) -> dict[PlaceKey, int]:
        """Everything by place: what is free before anything was placed."""
        return {
            (region.name, stock.accelerator): stock.count
            for region in self.regions
            for stock in region.stocks
        }
