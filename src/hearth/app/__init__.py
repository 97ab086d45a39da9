"""The composition root: the one feature that knows every part, and wires them by hand.

`Gateway` is what answers HTTP, `Controller` what makes reality follow the database; `Hearth` is one
process with both.
"""

from hearth.app.gateway import Gateway
from hearth.app.hearth import Hearth
from hearth.app.routes import route_table
from hearth.app.workers import num_cores

__all__ = ["Gateway", "Hearth", "num_cores", "route_table"]
