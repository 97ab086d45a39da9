"""Deployments in the form that the control plane sends and takes, and the replicas behind them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from hearth.accounts import Status
from hearth.kit.bodies import ShortText

Count = Annotated[int, Meta(ge=0, le=10_000)]
Text = Annotated[str, Meta(max_length=4096, pattern=r"^[^\x00]*\Z")]
Labels = Annotated[dict[ShortText, Text], Meta(max_length=64)]
Duration = Annotated[str, Meta(max_length=32)]
"Such as `90s`, `5m` or `1h0m0s`; empty: the default."


class DeploymentState(StrEnum):
    """Where a deployment is; `status.message` says why."""

    CREATING = "CREATING"
    READY = "READY"
    UPDATING = "UPDATING"
    "It serves, and replicas are on their way to what is wanted."
    FAILED = "FAILED"
    DELETING = "DELETING"
    DELETED = "DELETED"
    "It can be had back until it is purged."


class ScalingSchedule(Struct, frozen=True, kw_only=True, rename="camel"):
    """Bounds that hold for a while, again and again."""

    min_replica_count: Count = 0
    schedule: ShortText = ""
    "Cron, five fields: when it begins."
    duration: Duration = ""
    timezone: ShortText = "UTC"
    description: Text = ""
    disabled: bool = False


class AutoscalingPolicy(Struct, frozen=True, kw_only=True, rename="camel"):
    """When replicas come and go; what is empty is the default (30 s, 10 m, 1 h, 0.8)."""

    scale_up_window: Duration = ""
    scale_down_window: Duration = ""
    scale_to_zero_window: Duration = ""
    load_targets: dict[ShortText, float] = {}
    scaling_schedules: dict[ShortText, ScalingSchedule] = {}


class AutoTune(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the hosted service tunes an engine for."""

    long_prompt: bool = False


class PlacementWish(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where replicas may be; names are ours or the contract's."""

    region: ShortText = ""
    "The first choice."
    regions: Annotated[list[ShortText], Meta(max_length=64)] = []
    "What comes next, in order; with no `region`, the first of these is the first choice."
    multi_region: ShortText = ""
    cloud: ShortText = ""


class ReplicaStats(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many replicas are how far."""

    pending_scheduling_replica_count: int = 0
    downloading_model_replica_count: int = 0
    initializing_replica_count: int = 0
    ready_replica_count: int = 0
    revocable_replica_count: int = 0
    partial_replica_count: float = 0.0


class Vpc(Struct, frozen=True, kw_only=True, rename="camel"):
    """A private endpoint and the rules that it keeps to."""

    vpc_id: ShortText = ""
    security_groups: Annotated[list[ShortText], Meta(max_length=32)] = []
    "Ids or names; the networks that they allow may reach the deployment, and nobody else."
    compliance_mode: ShortText = ""
    "Such as `hipaa`; empty: none."
    endpoint: str = ""
    "Where it is reached; Hearth says so."
    port: int = 0
    "Its own, where gateways give each endpoint one; Hearth says so."


class Deployment(Struct, frozen=True, kw_only=True, rename="camel"):
    """A model that is kept served; see the `Deployment` of the Fireworks control plane.

    The last group of fields is ours. What nothing here uses is sent back only where it was given.
    """

    name: str = ""
    display_name: ShortText = ""
    description: Text = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    expire_time: datetime | None = None
    delete_time: datetime | None = None
    purge_time: datetime | None = None
    created_by: str = ""
    state: DeploymentState = DeploymentState.CREATING
    status: Status = Status()
    annotations: Labels = {}
    etag: str = ""

    base_model: ShortText = ""
    min_replica_count: Count = 0
    max_replica_count: Count | None = None
    max_with_revocable_replica_count: Count | UnsetType = UNSET
    desired_replica_count: int = 0
    replica_count: int = 0
    replica_stats: ReplicaStats = ReplicaStats()
    autoscaling_policy: AutoscalingPolicy = AutoscalingPolicy()

    accelerator_type: ShortText = ""
    accelerator_count: Annotated[int, Meta(ge=0, le=1024)] = 0
    "Per replica; 0: the fewest that hold the model."
    precision: ShortText = ""
    max_context_length: Annotated[int, Meta(ge=0)] = 0
    placement: PlacementWish = PlacementWish()
    region: str = ""
    cluster: ShortText = ""
    disable_deployment_size_validation: bool = False

    enable_addons: bool = False
    num_peft_device_cached: Count = 0
    enable_session_affinity: bool = False
    deployment_shape: ShortText = ""
    deployment_template: ShortText | UnsetType = UNSET
    pricing_plan_id: ShortText | UnsetType = UNSET
    draft_model: ShortText | UnsetType = UNSET
    draft_token_count: Count | UnsetType = UNSET
    ngram_speculation_length: Count | UnsetType = UNSET
    enable_mtp: bool | UnsetType = UNSET
    enable_hot_load: bool | UnsetType = UNSET
    enable_hot_reload_latest_addon: bool | UnsetType = UNSET
    hot_load_bucket_type: ShortText | UnsetType = UNSET
    hot_load_bucket_url: ShortText | UnsetType = UNSET
    hot_load_trainer_job: ShortText | UnsetType = UNSET
    auto_tune: AutoTune | UnsetType = UNSET
    direct_route_type: ShortText | UnsetType = UNSET
    direct_route_handle: str = ""
    direct_route_api_keys: list[ShortText] | UnsetType = UNSET
    active_model_version: str = ""
    target_model_version: ShortText | UnsetType = UNSET

    engine: ShortText = "auto"
    "What runs the replicas: auto, or one of the engines by name."
    engine_options: Annotated[dict[ShortText, str | int | float | bool], Meta(max_length=64)] = {}
    max_tokens_per_second: Annotated[float, Meta(ge=0)] = 0.0
    "Generated by one replica before another is wanted; 0: no such target."
    vpc: Vpc | None = None
    emulated: bool = False
    "Its accelerators are not here: the replicas run on this machine's processor."
    stand_in: str = ""
    "The model whose weights answer, where those of `baseModel` are not here."
    price_per_hour: str = ""
    "Dollars for one replica; empty where the price book has no price."


OUTPUT_ONLY = frozenset(
    {
        "status",
        "desiredReplicaCount",
        "replicaCount",
        "replicaStats",
        "region",
        "cluster",
        "directRouteHandle",
        "activeModelVersion",
        "emulated",
        "standIn",
        "pricePerHour",
    }
)
UNUSED = frozenset(
    {
        "maxWithRevocableReplicaCount",
        "deploymentTemplate",
        "pricingPlanId",
        "draftModel",
        "draftTokenCount",
        "ngramSpeculationLength",
        "enableMtp",
        "enableHotLoad",
        "enableHotReloadLatestAddon",
        "hotLoadBucketType",
        "hotLoadBucketUrl",
        "hotLoadTrainerJob",
        "autoTune",
        "directRouteType",
        "directRouteApiKeys",
        "targetModelVersion",
    }
)
"Hints of the contract that nothing here uses; answers name them in `x-ignored-fields`."


class ReplicaState(StrEnum):
    """Where a replica is; only a READY one takes requests."""

    STARTING = "STARTING"
    READY = "READY"
    FAILED = "FAILED"
    "Its worker ended; the supervisor starts it again after a backoff."
    DRAINING = "DRAINING"
    "It finishes what runs and takes nothing new."


class Replica(Struct, frozen=True, kw_only=True):
    """One worker that serves one model's weights."""

    id: str
    pool: str
    "The deployment that it belongs to; serverless ones: the model whose weights they hold."
    model: str
    "The full name of the model whose weights it holds."
    state: ReplicaState
    address: str = ""
    "Where gateways reach it; empty until it is first ready."
    engine: str = ""
    message: str = ""
    "Why it is in its state, for a person."
    version: str = ""
    "Of what it was told to be; another one than its deployment's is on its way out."
    region: str = ""
    accelerator_type: str = ""
    accelerator_count: int = 0
    taken: int = 0
    "Of what is free at its place, as the inventory counts it."
    is_emulated: bool = False
    held_time_ns: int = 0
    "Since when it holds its accelerators."
    billed_time_ns: int = 0
    "Until when they are in the ledger."
