"""What serves which model: deployments, their replicas, and the reconciler that runs them."""

from hearth.deployments.accounting import Accounting
from hearth.deployments.dedicated import Dedicated, MaySpend
from hearth.deployments.deployed_models import (
    DEPLOYED_MODELS,
    BaseOf,
    DeployedModel,
    DeployedModels,
    DeployedModelState,
    DeployedModelWatch,
    Loading,
    deployed_model_routes,
)
from hearth.deployments.deployed_models import in_use as adapter_in_use
from hearth.deployments.deployed_models import refs as adapter_refs
from hearth.deployments.executors.executor import Executor
from hearth.deployments.executors.fake import FakeExecutor
from hearth.deployments.executors.local import LocalExecutor
from hearth.deployments.executors.sealed import SealedExecutor
from hearth.deployments.parts import Parts
from hearth.deployments.placement import (
    Inventory,
    local_stocks,
    read_inventory,
    shipped_inventory,
    with_local,
    without_emulated,
)
from hearth.deployments.places import Places
from hearth.deployments.reconciler import Parties, Reconciler
from hearth.deployments.regions.routes import region_routes
from hearth.deployments.regions.service import Regions
from hearth.deployments.replicas import Replicas
from hearth.deployments.requests import request_pool
from hearth.deployments.routers.choosing import RouterPlan, choose_deployment, plan_of
from hearth.deployments.routers.routes import router_routes
from hearth.deployments.routers.rules import in_use as router_in_use
from hearth.deployments.routers.types import ROUTER_KIND
from hearth.deployments.routes import deployment_routes
from hearth.deployments.rules import DEPLOYMENT_KIND, DeploymentRules, Ground
from hearth.deployments.samples import Samples
from hearth.deployments.serverless import Serverless
from hearth.deployments.service import DeploymentService
from hearth.deployments.serving import ANY_ENGINE, EngineWish, SpecMaker
from hearth.deployments.shapes.book import ShapeBook
from hearth.deployments.shapes.completing import ShapeCompleter
from hearth.deployments.shapes.routes import ShapeRoutes
from hearth.deployments.shapes.service import Shapes
from hearth.deployments.store import DEPLOYMENTS, REPLICAS, list_replicas
from hearth.deployments.types import Deployment, DeploymentState, Replica, ReplicaState
from hearth.deployments.vpc import (
    SECURITY_GROUPS,
    ComplianceMode,
    PrivateAddresses,
    PrivateDeployment,
    PrivateNetworks,
    Vault,
    VpcCompleter,
    certifications_of,
    sealed_for,
    vpc_labels,
    vpc_routes,
)

__all__ = [
    "ANY_ENGINE",
    "DEPLOYED_MODELS",
    "DEPLOYMENTS",
    "DEPLOYMENT_KIND",
    "REPLICAS",
    "ROUTER_KIND",
    "SECURITY_GROUPS",
    "Accounting",
    "BaseOf",
    "ComplianceMode",
    "Dedicated",
    "DeployedModel",
    "DeployedModelState",
    "DeployedModelWatch",
    "DeployedModels",
    "Deployment",
    "DeploymentRules",
    "DeploymentService",
    "DeploymentState",
    "EngineWish",
    "Executor",
    "FakeExecutor",
    "Ground",
    "Inventory",
    "Loading",
    "LocalExecutor",
    "MaySpend",
    "Parties",
    "Parts",
    "Places",
    "PrivateAddresses",
    "PrivateDeployment",
    "PrivateNetworks",
    "Reconciler",
    "Regions",
    "Replica",
    "ReplicaState",
    "Replicas",
    "RouterPlan",
    "Samples",
    "SealedExecutor",
    "Serverless",
    "ShapeBook",
    "ShapeCompleter",
    "ShapeRoutes",
    "Shapes",
    "SpecMaker",
    "Vault",
    "VpcCompleter",
    "adapter_in_use",
    "adapter_refs",
    "certifications_of",
    "choose_deployment",
    "deployed_model_routes",
    "deployment_routes",
    "list_replicas",
    "local_stocks",
    "plan_of",
    "read_inventory",
    "region_routes",
    "request_pool",
    "router_in_use",
    "router_routes",
    "sealed_for",
    "shipped_inventory",
    "vpc_labels",
    "vpc_routes",
    "with_local",
    "without_emulated",
]
