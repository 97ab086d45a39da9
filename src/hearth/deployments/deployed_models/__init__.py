"""Adapters on deployments: loaded beside the weights of their base, chosen by each request."""

from hearth.deployments.deployed_models.loading import BaseOf, Loading
from hearth.deployments.deployed_models.routes import deployed_model_routes
from hearth.deployments.deployed_models.service import DeployedModels
from hearth.deployments.deployed_models.types import (
    DEPLOYED_MODELS,
    DeployedModel,
    DeployedModelState,
)
from hearth.deployments.deployed_models.uses import in_use, refs
from hearth.deployments.deployed_models.watch import DeployedModelWatch

__all__ = [
    "DEPLOYED_MODELS",
    "BaseOf",
    "DeployedModel",
    "DeployedModelState",
    "DeployedModelWatch",
    "DeployedModels",
    "Loading",
    "deployed_model_routes",
    "in_use",
    "refs",
]
