"""Tool calls: found in what a model writes, forced where they must be, told in plain text."""

from hearth.engines.llm.tools.calls import MakeId, Piece, new_call_id
from hearth.engines.llm.tools.family import CallFormat, ToolFamily, family_of
from hearth.engines.llm.tools.forcing import argument_constraints, forced, forced_parser
from hearth.engines.llm.tools.in_text import with_tools_in_text
from hearth.engines.llm.tools.parser import ToolParser
from hearth.engines.llm.tools.special_tokens import marker_tokens

__all__ = [
    "CallFormat",
    "MakeId",
    "Piece",
    "ToolFamily",
    "ToolParser",
    "argument_constraints",
    "family_of",
    "forced",
    "forced_parser",
    "marker_tokens",
    "new_call_id",
    "with_tools_in_text",
]
