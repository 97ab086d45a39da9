"""Private deployments: who may reach them, and what their compliance mode demands."""

from hearth.deployments.vpc.completing import VpcCompleter
from hearth.deployments.vpc.compliance import MODES, ComplianceMode, mode_of
from hearth.deployments.vpc.routes import vpc_routes
from hearth.deployments.vpc.service import PrivateNetworks
from hearth.deployments.vpc.standing import certifications_of, vpc_labels
from hearth.deployments.vpc.types import (
    SECURITY_GROUPS,
    PrivateAddresses,
    PrivateDeployment,
    SecurityGroup,
)

__all__ = [
    "MODES",
    "SECURITY_GROUPS",
    "ComplianceMode",
    "PrivateAddresses",
    "PrivateDeployment",
    "PrivateNetworks",
    "SecurityGroup",
    "VpcCompleter",
    "certifications_of",
    "mode_of",
    "vpc_labels",
    "vpc_routes",
]
