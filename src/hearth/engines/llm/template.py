"""Chat templates: messages to the text of a prompt, as Hugging Face renders them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
import jinja2.meta

from hearth.engines.engine import Failed
from hearth.engines.llm.conversation import Entry, message_entries, size_of
from hearth.engines.llm.sandbox import BoundedEnvironment, GenerationTag
from hearth.engines.protocol import Failure, Message

_MAX_SOURCE_CHARACTERS = 1_000_000
_MAX_OUTPUT_CHARACTERS = 64_000_000
_MAX_TIME_FORMAT = 64

# What a template can provoke besides Jinja's own errors: it may apply any operator to anything.
_TEMPLATE_FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


class TemplateUnusable(Exception):
    """The source is not a template we can compile; the message says why."""


class ChatTemplate:
    """A compiled template. Renderings must not overlap: call it from one thread.

    Args:
        source: the Jinja text, as in `tokenizer.chat_template`.
        special_tokens: `bos_token`, `eos_token` as text.
        now: what `strftime_now` reads.

    Attributes:
        variables: names that the template reads and does not define.

    Raises:
        TemplateUnusable: the source cannot be compiled.
    """

    def __init__(
        self,
        source: str,
        special_tokens: dict[str, str],
        *,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        if len(source) > _MAX_SOURCE_CHARACTERS:
            raise TemplateUnusable(f"a chat template of {len(source)} characters is refused")
        self._environment = BoundedEnvironment([GenerationTag, "jinja2.ext.loopcontrols"])
        self._environment.globals["raise_exception"] = _raise_exception
        self._environment.globals["strftime_now"] = _strftime(now)
        self._special_tokens = special_tokens
        self.source = source
        try:
            self._template = self._environment.from_string(source)
            tree = self._environment.parse(source)
            self.variables = frozenset(jinja2.meta.find_undeclared_variables(tree))
        except (*_TEMPLATE_FAULTS, SyntaxError) as error:
            raise TemplateUnusable(str(error)) from None

    def render(self, messages: Sequence[Message]) -> str:
        """Return the prompt that asks for the assistant's next message; see `render_entries`."""
        return self.render_entries(message_entries(messages, None))

    def render_entries(
        self,
        messages: list[Entry],
        *,
        tools: list[Entry] | None = None,
        variables: Mapping[str, Any] | None = None,  # Any: what templates read, bools and words
    ) -> str:
        """Render a chat in the shape that templates know.

        Raises:
            Failed: the template refuses these messages, or does what the sandbox forbids.
        """
        self._environment.begin(size_of(messages) + size_of(tools))
        try:
            return self._joined(
                self._template.generate(
                    **self._special_tokens,
                    **(variables or {}),
                    messages=messages,
                    add_generation_prompt=True,
                    tools=tools,
                    documents=None,
                )
            )
        except _TEMPLATE_FAULTS as error:
            raise Failed(
                Failure(
                    kind="invalid",
                    param="messages",
                    message=f"The model's chat template refuses the messages: {error}",
                )
            ) from None

    def _joined(self, pieces: Iterable[str]) -> str:
        total, texts = 0, []
        for piece in pieces:
            total += len(piece)
            if total > _MAX_OUTPUT_CHARACTERS:
                raise ValueError("the prompt it makes is too long")
            texts.append(piece)
        prompt = "".join(texts)
        prompt.encode()  # a template can write half a surrogate pair, which no tokeniser takes
        return prompt


def _raise_exception(message: object) -> str:
    raise jinja2.TemplateError(str(message))


def _strftime(now: Callable[[], datetime]) -> Callable[[str], str]:
    def strftime_now(form: str) -> str:
        if len(form) > _MAX_TIME_FORMAT or any(map(str.isdigit, form)):
            raise ValueError("strftime_now was given a format that is refused")
        return now().strftime(form)

    return strftime_now
