"""Models of accounts: created, uploaded, validated, downloaded, prepared."""

from hearth.models.downloads import WEIGHTS, weights_mount
from hearth.models.imports import Imports, SecretOf
from hearth.models.precisions import precision_of
from hearth.models.routes import model_routes
from hearth.models.runner import model_handlers
from hearth.models.service import Around, Models
from hearth.models.shelf import InUse, Refs, Shelf
from hearth.models.types import DeployedModelRef, Model

__all__ = [
    "WEIGHTS",
    "Around",
    "DeployedModelRef",
    "Imports",
    "InUse",
    "Model",
    "Models",
    "Refs",
    "SecretOf",
    "Shelf",
    "model_handlers",
    "model_routes",
    "precision_of",
    "weights_mount",
]
