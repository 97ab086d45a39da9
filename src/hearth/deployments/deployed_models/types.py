"""Deployed models in the form that the control plane sends and takes: adapters that are loaded.

https://docs.fireworks.ai/api-reference/get-deployed-model
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from hearth.accounts import Status
from hearth.engines.protocol import Adapter
from hearth.kit.bodies import ShortText
from hearth.resources import Internal, Kind, Stored

MAX_ADAPTERS = 100
"On one deployment, and on one model that is served without."

Text = Annotated[str, Meta(max_length=4096, pattern=r"^[^\x00]*\Z")]


class DeployedModelState(StrEnum):
    """Whether requests that name it are answered; `status.message` says why not."""

    DEPLOYING = "DEPLOYING"
    DEPLOYED = "DEPLOYED"
    UPDATING = "UPDATING"
    UNDEPLOYING = "UNDEPLOYING"


class DeployedModel(Struct, frozen=True, kw_only=True, rename="camel"):
    """An adapter on a deployment, or on the replicas of a base model that none owns.

    The last group of fields is ours.
    """

    name: str = ""
    display_name: ShortText = ""
    description: Text = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    created_by: str = ""
    etag: str = ""
    model: ShortText = ""
    "The adapter."
    deployment: ShortText = ""
    "Empty: the replicas that serve its base model without a deployment."
    default: bool = False
    "Of all places where the adapter is loaded, the one that answers for its bare name."
    state: DeployedModelState = DeployedModelState.DEPLOYING
    serverless: bool = False
    status: Status = Status()
    public: bool = False
    "Every account may call it; the deployment's own pays for what it holds."

    base_model: str = ""
    adapter_digest: str = ""
    "sha256 of what is loaded; the ledger knows answers by it."


DEPLOYED_MODELS: Final = Kind(
    collection="deployedModels",
    noun="DeployedModel",
    type=DeployedModel,
    id_param="deployedModelId",
    output_only=frozenset({"serverless", "status", "baseModel", "adapterDigest"}),
    immutable=frozenset({"model", "deployment"}),
)


class Placed(Struct, frozen=True, kw_only=True):
    """What Hearth keeps beside a deployed model."""

    pool: str
    "The replicas that it is loaded on, by the name they share."
    adapter: Adapter
    is_merged: bool = False
    "It answers for its deployment also where no adapter is named."
    is_unloaded: bool = False
    "Its owner wants it gone."

    def as_internal(self) -> Internal:
        """In the form that is stored."""
        return {
            "pool": self.pool,
            "adapter": {
                "name": self.adapter.name,
                "digest": self.adapter.digest,
                "path": self.adapter.path,
            },
            "is_merged": self.is_merged,
            "is_unloaded": self.is_unloaded,
        }


def placed(stored: Stored[DeployedModel]) -> Placed:
    """What was kept of one."""
    kept = stored.internal
    return Placed(
        pool=kept["pool"],
        adapter=Adapter(**kept["adapter"]),
        is_merged=kept["is_merged"],
        is_unloaded=kept["is_unloaded"],
    )
