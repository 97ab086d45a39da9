"""The flags that say what a deployment is: Fireworks' own, and the short ones beside them."""

from __future__ import annotations

from hearth.firectl.grammar import Flag
from hearth.firectl.kinds import (
    COUNT,
    DURATION,
    LIST,
    MAP,
    NAME,
    NUMBER,
    NUMBER_MAP,
    PATH,
    SWITCH,
    TIME,
    Kind,
    choice,
    open_choice,
    words,
)
from hearth.firectl.names import last_of

ACCELERATORS = {
    "a10g": "NVIDIA_A10G_24GB",
    "a100": "NVIDIA_A100_80GB",
    "b200": "NVIDIA_B200_180GB",
    "b300": "NVIDIA_B300_288GB",
    "h100": "NVIDIA_H100_80GB",
    "h200": "NVIDIA_H200_141GB",
    "l4": "NVIDIA_L4_24GB",
    "mi300x": "AMD_MI300X_192GB",
    "mi325x": "AMD_MI325X_256GB",
    "mi350x": "AMD_MI350X_288GB",
}
_ACCELERATOR = open_choice(*ACCELERATORS.values(), "NVIDIA_A100_40GB", short=ACCELERATORS)
_REGION = Kind(metavar="REGION", parse=last_of)
_REGIONS = Kind(metavar="A,B,…", parse=lambda text: [last_of(each) for each in LIST.parse(text)])
_PRECISION = open_choice("FP16", "BF16", "FP8", "FP8_MM", "FP4", "NF4", "INT8", "INT4")

DESCRIPTION = (
    Flag(name="display-name", field="displayName", help="What people call it."),
    Flag(name="description", field="description", help="What it is for."),
    Flag(name="expire-time", field="expireTime", kind=TIME, help="When it is deleted by itself."),
)

HARDWARE = (
    Flag(
        name="accelerator-type",
        field="acceleratorType",
        kind=_ACCELERATOR,
        help="What each replica runs on.",
    ),
    Flag(
        name="accelerator-count",
        field="acceleratorCount",
        kind=COUNT,
        help="How many of them each replica has, exactly.",
    ),
    Flag(
        name="gpu-type", field="acceleratorType", kind=_ACCELERATOR, help="As --accelerator-type."
    ),
    Flag(
        name="gpu-count",
        field="acceleratorCount",
        kind=COUNT,
        help="At least how many: raised, with a note, where the model needs more.",
    ),
    Flag(name="precision", field="precision", kind=_PRECISION, help="Of the weights."),
    Flag(name="world-size", field="acceleratorCount", kind=COUNT, help="As --accelerator-count."),
)

ENGINE = (
    Flag(
        name="deployment-shape",
        field="deploymentShape",
        kind=NAME,
        of="deployment-shape",
        help="A shape by name, or fast, throughput or minimal.",
    ),
    Flag(name="deployment-template", field="deploymentTemplate", kind=NAME, help="A template."),
    Flag(
        name="engine",
        field="engine",
        kind=words("auto", "llamacpp", "native", "embedding", "remote", "fake"),
        help="What runs the model (Hearth).",
    ),
    Flag(
        name="engine-options",
        field="engineOptions",
        kind=MAP,
        help="Settings of the engine (Hearth).",
    ),
    Flag(
        name="max-context-length",
        field="maxContextLength",
        kind=COUNT,
        help="Tokens of the longest conversation.",
    ),
    Flag(name="enable-addons", field="enableAddons", kind=SWITCH, help="Let adapters be loaded."),
    Flag(
        name="max-peft-batch-size",
        field="numPeftDeviceCached",
        kind=COUNT,
        help="How many adapters stay on the accelerator.",
    ),
    Flag(
        name="enable-session-affinity",
        field="enableSessionAffinity",
        kind=SWITCH,
        help="Send requests of one session to one replica.",
    ),
    Flag(name="draft-model", field="draftModel", kind=NAME, of="model", help="Guesses ahead."),
    Flag(name="draft-token-count", field="draftTokenCount", kind=COUNT, help="How far it guesses."),
    Flag(
        name="ngram-speculation-length",
        field="ngramSpeculationLength",
        kind=COUNT,
        help="Guess from the prompt, this many tokens.",
    ),
    Flag(
        name="disable-speculative-decoding",
        query="disableSpeculativeDecoding",
        kind=SWITCH,
        help="Do not guess ahead.",
    ),
    Flag(name="enable-mtp", field="enableMtp", kind=SWITCH, help="Use multi-token prediction."),
    Flag(
        name="long-prompt", field="autoTune.longPrompt", kind=SWITCH, help="Tune for long prompts."
    ),
    Flag(
        name="direct-route-type",
        field="directRouteType",
        kind=choice("internet", "gcp-private-service-connect", "aws-privatelink"),
        help="A way in past the shared gateway.",
    ),
    Flag(
        name="direct-route-api-keys",
        field="directRouteApiKeys",
        kind=LIST,
        is_secret=True,
        help="Keys of that way.",
    ),
    Flag(
        name="preemptible",
        kind=SWITCH,
        help="Let all replicas run on capacity that may be taken back.",
    ),
)

SCALING = (
    Flag(
        name="min-replica-count", field="minReplicaCount", kind=COUNT, help="At least; 0 may sleep."
    ),
    Flag(name="max-replica-count", field="maxReplicaCount", kind=COUNT, help="At most."),
    Flag(name="min-replicas", field="minReplicaCount", kind=COUNT, help="As --min-replica-count."),
    Flag(name="max-replicas", field="maxReplicaCount", kind=COUNT, help="As --max-replica-count."),
    Flag(
        name="auto-scale",
        kind=SWITCH,
        help="true: from 0 to at least 2 replicas, where nothing else says; false: a fixed number.",
    ),
    Flag(
        name="max-tokens-per-second",
        field="maxTokensPerSecond",
        kind=NUMBER,
        help="Generated tokens a second of one replica; more load calls for another replica.",
    ),
    Flag(
        name="scale-up-window",
        field="autoscalingPolicy.scaleUpWindow",
        kind=DURATION,
        help="How long load must last before replicas come: 30s.",
    ),
    Flag(
        name="scale-down-window",
        field="autoscalingPolicy.scaleDownWindow",
        kind=DURATION,
        help="How long it must be gone before they go: 10m.",
    ),
    Flag(
        name="scale-to-zero-window",
        field="autoscalingPolicy.scaleToZeroWindow",
        kind=DURATION,
        help="How long without a request before the last one goes: 1h.",
    ),
    Flag(
        name="load-targets",
        field="autoscalingPolicy.loadTargets",
        kind=NUMBER_MAP,
        help="Such as default=0.8,concurrent_requests=10.",
    ),
)

PLACEMENT = (
    Flag(name="region", field="placement.region", kind=_REGION, of="region", help="Where it runs."),
    Flag(
        name="fallback-regions",
        field="placement.regions",
        kind=_REGIONS,
        of="region",
        help="Where else, in this order, when the region has no room.",
    ),
    Flag(
        name="multi-region",
        field="placement.multiRegion",
        kind=choice("global", "us", "europe", "apac"),
        help="Anywhere in there.",
    ),
    Flag(name="cluster-id", short="c", field="cluster", kind=NAME, help="A cluster of your own."),
)

ONLY_AT_CREATION = (
    Flag(name="deployment-id", kind=NAME, help="The id; one is made otherwise."),
    Flag(name="name", help="The display name, and the id made of it."),
    Flag(name="file", kind=PATH, of="PATH", help="JSON of a deployment; flags change it."),
    Flag(
        name="validate-only", query="validateOnly", kind=SWITCH, help="Check, and create nothing."
    ),
    Flag(
        name="unused-auto-delete-duration",
        kind=DURATION,
        is_obsolete=True,
        help="Once: when to delete it unused.",
    ),
)

CHANGEABLE = (*DESCRIPTION, *HARDWARE, *ENGINE, *SCALING)
EVERYTHING = (*CHANGEABLE, *PLACEMENT, *ONLY_AT_CREATION)
