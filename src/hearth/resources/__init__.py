"""Resources of the control plane: typed documents, one mechanism for every kind."""

from hearth.resources.documents import Documents
from hearth.resources.fields import Json
from hearth.resources.routes import (
    DescribedRoute,
    ResourceRoutes,
    answer,
    asking_of,
    json_body,
    listing,
    shown,
)
from hearth.resources.service import Resources
from hearth.resources.types import (
    BY_OPERATOR,
    Asking,
    Creation,
    Draft,
    FreeRules,
    Internal,
    Kind,
    Rules,
    Stored,
)

__all__ = [
    "BY_OPERATOR",
    "Asking",
    "Creation",
    "DescribedRoute",
    "Documents",
    "Draft",
    "FreeRules",
    "Internal",
    "Json",
    "Kind",
    "ResourceRoutes",
    "Resources",
    "Rules",
    "Stored",
    "answer",
    "asking_of",
    "json_body",
    "listing",
    "shown",
]
