"""Markers that are tokens of their own must be heard, or calls are lost among the text."""

from __future__ import annotations

import pytest

from hearth.engines.llm.tools import CallFormat, ToolFamily, marker_tokens
from tests.engines.llm.tools.transcripts import FAMILIES

MARKED = (
    "<tool_call>",
    "</tool_call>",
    "<|python_tag|>",
    "[TOOL_CALLS]",
    "[ARGS]",
    "<|/tool_call|>",
)


@pytest.mark.parametrize("form", list(CallFormat))
def test_the_markers_of_a_family_are_told_to_the_runner(form: CallFormat) -> None:
    told = marker_tokens(ToolFamily(format=form, renders_tools=True, renders_history=True))
    written = "".join(case.text for case in FAMILIES[form])

    assert set(told) >= {marker for marker in MARKED if marker in written}
    assert told
