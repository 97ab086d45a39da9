"""Which form of tool calls a model was trained on, told by its chat template."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import jinja2
from jinja2 import nodes

from hearth.engines.llm.sandbox import BoundedEnvironment, GenerationTag
from hearth.engines.llm.tools import deepseek, hermes, llama, mistral, tagged
from hearth.engines.llm.tools.calls import Calls, MakeId, new_call_id
from hearth.engines.llm.tools.generic import generic
from hearth.engines.llm.tools.parser import Grammar, StreamParser, ToolParser
from hearth.engines.protocol import ToolUse


class CallFormat(StrEnum):
    """How a family of models writes its calls."""

    HERMES = "hermes"
    LLAMA = "llama3"
    MISTRAL = "mistral"
    DEEPSEEK = "deepseek"
    TAGGED = "tagged"
    JSON = "json"


_GRAMMARS: dict[CallFormat, Grammar] = {
    CallFormat.HERMES: hermes.hermes,
    CallFormat.LLAMA: llama.llama,
    CallFormat.MISTRAL: mistral.mistral,
    CallFormat.DEEPSEEK: deepseek.deepseek,
    CallFormat.TAGGED: tagged.tagged,
    CallFormat.JSON: generic,
}

# Llama 3.2 has no tag, but the sentence that its templates tell the model.
_LLAMA_SENTENCE = '"parameters": dictionary of argument name and its value'


@dataclass(frozen=True, kw_only=True)
class ToolFamily:
    """The form of a model's calls, and what its template knows of them."""

    format: CallFormat
    renders_tools: bool
    "The template lists the functions itself; otherwise `with_tools_in_text` does."
    renders_history: bool
    "The template writes earlier calls and their results; otherwise `with_tools_in_text` does."

    def parser(self, tool_use: ToolUse, make_id: MakeId = new_call_id) -> ToolParser:
        """Return a parser for one answer."""
        return StreamParser(_GRAMMARS[self.format], Calls(tool_use, make_id))


def family_of(template_source: str) -> ToolFamily:
    """Tell the family by the markers in its template.

    Some templates write earlier calls but do not list the functions, as DeepSeek's up to V3.1;
    others list functions but drop earlier calls, as Granite's. One that does neither belongs to
    no family.
    """
    renders_tools = _reads_tools(template_source)
    writes_calls = "tool_calls" in template_source
    form = _form_of(template_source) if renders_tools or writes_calls else CallFormat.JSON
    return ToolFamily(
        format=form,
        renders_tools=renders_tools,
        renders_history=writes_calls and (renders_tools or form is not CallFormat.JSON),
    )


def _form_of(source: str) -> CallFormat:
    if deepseek.OPEN in source:
        return CallFormat.DEEPSEEK
    if mistral.OPEN in source:
        return CallFormat.MISTRAL
    if llama.TAG in source or _LLAMA_SENTENCE in source.replace("\\", ""):
        return CallFormat.LLAMA
    if tagged.FUNCTION in source and tagged.PARAMETER in source:
        return CallFormat.TAGGED
    return CallFormat.HERMES if hermes.OPEN in source else CallFormat.JSON


def _reads_tools(source: str) -> bool:
    """Whether the template uses the variable `tools` for more than to ask if it is there."""
    environment = BoundedEnvironment([GenerationTag, "jinja2.ext.loopcontrols"])
    try:
        tree = environment.parse(source)
    except jinja2.TemplateError:
        return False
    asked = {id(test.node) for test in tree.find_all(nodes.Test)}
    return any(
        name.name == "tools" and name.ctx == "load" and id(name) not in asked
        for name in tree.find_all(nodes.Name)
    )
