"""Private deployments: who may reach them, and what their compliance mode demands."""

from hearth.deployments.vpc.completing import VpcCompleter
from hearth.deployments.vpc.compliance import MODES, ComplianceMode, mode_of
from hearth.deployments.vpc.routes import vpc_routes
from hearth.deployments.vpc.service import PrivateNetworks
from hearth.deployments.vpc.standing import certifications_of, sealed_for, vpc_labels
from hearth.deployments.vpc.types import (
    SECURITY_GROUPS,
    PrivateAddresses,
    PrivateDeployment,
    SecurityGroup,
)
from hearth.deployments.vpc.vault import Vault

__all__ = [
    "MODES",
    "SECURITY_GROUPS",
    "ComplianceMode",
    "PrivateAddresses",
    "PrivateDeployment",
    "PrivateNetworks",
    "SecurityGroup",
    "Vault",
    "VpcCompleter",
    "certifications_of",
    "mode_of",
    "sealed_for",
    "vpc_labels",
    "vpc_routes",
]
