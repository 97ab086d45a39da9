"""Models in the form that the control plane sends and takes: `Model` of Fireworks, and more.

https://docs.fireworks.ai/api-reference/get-model
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from hearth.accounts import Status
from hearth.catalog import ModelKind
from hearth.kit.bodies import ShortText
from hearth.resources import Kind

Text = Annotated[str, Meta(max_length=4096, pattern=r"^[^\x00]*\Z")]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Names = Annotated[list[ShortText], Meta(max_length=256)]


class ModelState(StrEnum):
    """Whether a model's weights are here, whole."""

    UPLOADING = "UPLOADING"
    READY = "READY"


class BaseModelDetails(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is known of a base model; the count is text, as 64-bit integers are in proto3 JSON."""

    world_size: Count = 0
    checkpoint_format: ShortText = "CHECKPOINT_FORMAT_UNSPECIFIED"
    huggingface_files: Names = []
    parameter_count: Annotated[str, Meta(pattern=r"^\d{1,19}\Z")] = "0"
    moe: bool = False
    tunable: bool = False
    model_type: ShortText = ""
    supports_fireattention: bool = False
    default_precision: ShortText = "PRECISION_UNSPECIFIED"
    supports_mtp: bool = False


class PeftDetails(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an adapter is trained on top of; what is empty is read from its own config."""

    base_model: ShortText = ""
    r: Count = 0
    target_modules: Names = []
    base_model_type: str = ""
    merge_addon_model_name: ShortText = ""


class TeftDetails(Struct, frozen=True, kw_only=True, rename="camel"):
    """Details of a kind of add-on that nothing here makes; kept as they are sent."""


class ConversationConfig(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a conversation becomes a prompt."""

    style: ShortText = ""
    system: Text = ""
    template: Annotated[str, Meta(max_length=262_144)] = ""


class DeployedModelRef(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a model answers."""

    name: str
    deployment: str
    state: str = "DEPLOYED"
    default: bool = False
    public: bool = False


class Model(Struct, frozen=True, kw_only=True, rename="camel"):
    """A model of an account. The last group of fields is ours."""

    name: str = ""
    display_name: ShortText = ""
    description: Text = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    created_by: str = ""
    etag: str = ""
    state: ModelState = ModelState.UPLOADING
    status: Status = Status()
    kind: ModelKind = ModelKind.HF_BASE_MODEL
    github_url: Text = ""
    hugging_face_url: Text = ""
    base_model_details: BaseModelDetails | None = None
    peft_details: PeftDetails | None = None
    teft_details: TeftDetails | None = None
    public: bool = False
    conversation_config: ConversationConfig | None = None
    context_length: Count | None = None
    training_context_length: Count = 0
    supports_image_input: bool = False
    supports_tools: bool = False
    supports_lora: bool = False
    use_hf_apply_chat_template: bool = False
    default_draft_model: ShortText = ""
    default_draft_token_count: Count = 0
    deprecation_date: dict[str, int] | None = None
    snapshot_type: ShortText = "FULL_SNAPSHOT"

    imported_from: str = ""
    fine_tuning_job: str = ""
    deployed_model_refs: list[DeployedModelRef] = []
    cluster: str = ""
    calibrated: bool = False
    tunable: bool = False
    rl_tunable: bool = False
    supports_serverless: bool = False
    supervised_lora_tunable: bool = False
    supervised_full_parameter_tunable: bool = False
    rl_lora_tunable: bool = False
    rl_full_parameter_tunable: bool = False
    default_sampling_params: dict[str, float] = {}
    supported_precisions: list[str] = []
    supported_precisions_with_calibration: list[str] = []

    category: ShortText = "custom"
    "The shelf it is listed on."
    callable: bool = False
    "Whether a request that names it is answered now."
    served_by: str = ""
    "The model whose weights answer; another than itself: a stand-in, which every answer says."
    size_bytes: int = 0
    "Of all its files here, or of what would be fetched; 0: not known."
    precisions: list[str] = []
    "Forms of its weights that are here; `:prepare` adds others."


MODELS: Kind[Model] = Kind(
    collection="models",
    noun="Model",
    type=Model,
    id_param="modelId",
    body_key="model",
    output_only=frozenset(
        {
            "status",
            "importedFrom",
            "fineTuningJob",
            "deployedModelRefs",
            "cluster",
            "calibrated",
            "tunable",
            "rlTunable",
            "supportsServerless",
            "supervisedLoraTunable",
            "supervisedFullParameterTunable",
            "rlLoraTunable",
            "rlFullParameterTunable",
            "defaultSamplingParams",
            "supportedPrecisions",
            "supportedPrecisionsWithCalibration",
            "callable",
            "servedBy",
            "sizeBytes",
            "precisions",
        }
    ),
    immutable=frozenset({"kind", "peftDetails"}),
)

Json = dict[str, Any]  # Any: JSON
