"""A chat rendered with all that a request says beside its messages."""

from __future__ import annotations

from collections.abc import Sequence

from hearth.engines.engine import Failed
from hearth.engines.llm.conversation import message_entries, tool_entries
from hearth.engines.llm.plan import Plan, offered_tools
from hearth.engines.llm.reasoning import template_switches, with_thinking_begun
from hearth.engines.llm.safe_text import Guard
from hearth.engines.llm.template import ChatTemplate
from hearth.engines.llm.tools import ToolFamily, with_tools_in_text
from hearth.engines.protocol import Failure, GenerateRequest, Message


class Rendering:
    """Renders the messages of one request, any part of them."""

    def __init__(
        self, template: ChatTemplate, family: ToolFamily, request: GenerateRequest, plan: Plan
    ) -> None:
        self._template = template
        self._family = family
        self._plan = plan
        self._history = None if request.reasoning is None else request.reasoning.history
        self._switches = template_switches(request.reasoning, template)
        self._use = offered_tools(request)
        self._has_tools = self._use is not None or any(
            message.tool_calls or message.role == "tool" for message in request.messages or ()
        )

    @property
    def is_plain(self) -> bool:
        """The template alone does it."""
        is_silent = self._history is None and not self._switches
        return is_silent and not self._has_tools and self._plan.thinking is None

    def render(self, messages: Sequence[Message], guard: Guard | None = None) -> str:
        """Return the text of the prompt.

        Args:
            guard: marks what the client wrote.

        Raises:
            Failed: the template refuses the messages, or drops thinking it should show.
        """
        tools = []
        if self._has_tools:
            messages = with_tools_in_text(messages, self._use, self._family)
        if self._use is not None and self._family.renders_tools:
            tools = tool_entries(self._use.tools)
        entries = message_entries(messages, self._history)
        if guard is not None:
            entries, tools = guard.mark(entries), guard.mark(tools)
        text = self._template.render_entries(entries, tools=tools or None, variables=self._switches)
        if self._history == "preserved":
            _check_preserved(messages, text)
        return with_thinking_begun(text, self._plan.thinking)


def _check_preserved(messages: Sequence[Message], rendered: str) -> None:
    if not all(message.reasoning.strip() in rendered for message in messages):
        raise Failed(
            Failure(
                kind="invalid",
                param="reasoning_history",
                message="This model's chat template leaves earlier thinking out; "
                "`reasoning_history` cannot be `preserved`.",
            )
        )
