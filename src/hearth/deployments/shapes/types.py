"""Deployment shapes and their versions, in the form that the control plane sends and takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct

from hearth.deployments.placement import ModelSize
from hearth.deployments.types import Count, Text
from hearth.kit.bodies import ShortText
from hearth.kit.db import Connection
from hearth.resources import Kind


class Preset(StrEnum):
    """`DeploymentShapePresetType` of the Fireworks control plane; the first four ship."""

    MINIMAL = "MINIMAL"
    "The cheapest that holds the model with its whole context."
    FAST = "FAST"
    "The quickest accelerators, and for larger models more of them than they need."
    THROUGHPUT = "THROUGHPUT"
    "FP8, and memory for many requests at once."
    FULL_PRECISION = "FULL_PRECISION"
    "As minimal, with 16 bits."
    AGENTIC_CODING = "AGENTIC_CODING"
    CHAT = "CHAT"
    SUMMARIZATION = "SUMMARIZATION"
    UNSPECIFIED = "PRESET_TYPE_UNSPECIFIED"


class DeploymentShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a deployment is made with when it names this shape."""

    name: str = ""
    display_name: ShortText = ""
    description: Text = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    base_model: ShortText = ""
    model_type: str = ""
    parameter_count: str = ""
    "As text, as 64-bit integers are in proto3 JSON; empty: nobody knows."
    accelerator_count: Annotated[int, Meta(ge=0, le=1024)] = 0
    "Per replica; 0: the fewest that hold the model."
    accelerator_type: ShortText = ""
    precision: ShortText = ""
    disable_deployment_size_validation: bool = False
    enable_addons: bool = False
    draft_token_count: Count = 0
    draft_model: ShortText = ""
    ngram_speculation_length: Count = 0
    disable_speculative_decoding: bool = False
    enable_session_affinity: bool = False
    num_lora_device_cached: Count = 0
    max_context_length: Annotated[int, Meta(ge=0)] = 0
    "0: the model's own."
    preset_type: Preset = Preset.UNSPECIFIED
    etag: str = ""


class DeploymentShapeVersion(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a shape was from a moment on."""

    name: str
    create_time: datetime
    snapshot: DeploymentShape
    validated: bool
    "It is known to hold the model."
    public: bool = False
    "Every account may read and use it."
    latest_validated: bool = False


SHAPE_KIND: Final = Kind(
    collection="deploymentShapes",
    noun="DeploymentShape",
    type=DeploymentShape,
    id_param="deploymentShapeId",
    output_only=frozenset({"modelType", "parameterCount"}),
    immutable=frozenset({"baseModel"}),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shaped:
    """A shape and what it was before, newest first."""

    shape: DeploymentShape
    versions: tuple[DeploymentShapeVersion, ...]

    @property
    def latest_validated(self) -> DeploymentShapeVersion | None:
        """What deployments get that name the shape."""
        return next((each for each in self.versions if each.latest_validated), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShapedModel:
    """What shapes need to know of a model."""

    name: str
    "In full."
    type: str
    size: ModelSize
    takes_addons: bool
    create_time: datetime


class Models(Protocol):
    """The models that can be deployed."""

    def public(self) -> list[ShapedModel]:
        """Those of the catalogue."""
        ...

    async def find(self, conn: Connection, name: str, account_id: str) -> ShapedModel | None:
        """The base model that an account means by a name; of an adapter, the one below it."""
        ...
