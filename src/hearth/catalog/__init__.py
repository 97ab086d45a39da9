"""Models: what can be named, what weights are here, and how each is served."""

from hearth.catalog.adapters import adapter_for as adapter_for
from hearth.catalog.catalog import Catalog as Catalog
from hearth.catalog.holdings import Holdings as Holdings
from hearth.catalog.priced import subject_of as subject_of
from hearth.catalog.remotes import Holding as Holding
from hearth.catalog.remotes import Remote as Remote
from hearth.catalog.remotes import Remotes as Remotes
from hearth.catalog.serving import EngineName as EngineName
from hearth.catalog.serving import Serving as Serving
from hearth.catalog.serving import decide as decide
from hearth.catalog.serving import decide_fake as decide_fake
from hearth.catalog.serving import engine_of as engine_of
from hearth.catalog.sources.types import Network as Network
from hearth.catalog.sources.types import Step as Step
from hearth.catalog.spec import PullSpec as PullSpec
from hearth.catalog.spec import plan_pull as plan_pull
from hearth.catalog.store import ModelStore as ModelStore
from hearth.catalog.types import PUBLIC_ACCOUNT as PUBLIC_ACCOUNT
from hearth.catalog.types import Capability as Capability
from hearth.catalog.types import CatalogModel as CatalogModel
from hearth.catalog.types import Category as Category
from hearth.catalog.types import ModelType as ModelType
from hearth.catalog.types import Weights as Weights
