"""The page of the inference routes leaves no field out, and what it calls refused is named."""

from __future__ import annotations

import pytest

from docs.conversation_rows import MESSAGES, RESPONSES
from docs.inference import Row, Section, refused_param, text_engines, unlisted, verdict
from docs.inference_rows import CHAT, COMPLETIONS, SECTIONS
from docs.vector_rows import EMBEDDINGS, RERANK
from hearth.gateway.decode import REFUSED
from hearth.gateway.messages.types import MessagesRequest
from hearth.gateway.responses.types import ResponsesRequest
from hearth.gateway.types import ChatRequest, CompletionRequest
from hearth.gateway.vector_types import EmbeddingsRequest, RerankRequest

ROWS = [
    pytest.param(section, row, id=f"{section.route} {row.label}")
    for section in SECTIONS
    for row in section.rows
]


def test_every_field_of_the_requests_has_a_row() -> None:
    assert unlisted(CHAT, ChatRequest.__struct_fields__) == set()
    assert unlisted(COMPLETIONS, CompletionRequest.__struct_fields__) == set()
    assert unlisted(RESPONSES, ResponsesRequest.__struct_fields__) == set()
    assert unlisted(MESSAGES, MessagesRequest.__struct_fields__) == set()
    assert unlisted(EMBEDDINGS, EmbeddingsRequest.__struct_fields__) == set()
    assert unlisted(RERANK, RerankRequest.__struct_fields__) == set()


def test_every_field_that_is_refused_outright_has_a_row() -> None:
    named = {name for section in SECTIONS for row in section.rows for name in row.fields}

    assert REFUSED.keys() <= named


@pytest.mark.parametrize(("section", "row"), ROWS)
def test_a_refusal_names_a_field_of_its_row(section: Section, row: Row) -> None:
    for name, engine in section.engines().items():
        param = refused_param(section, row, engine)

        assert param is None or param.partition(".")[0].partition("[")[0] in row.fields, name


def test_an_unknown_field_is_ignored_and_a_bad_value_refused() -> None:
    fake = text_engines()["fake"]

    assert verdict(CHAT, Row("", {"zebra": 1}, ""), fake) == "ignored with header"
    assert verdict(CHAT, Row("", {"n": 0}, ""), fake) == "refused with 400"
    assert verdict(CHAT, Row("", {"n": 1}, ""), fake) == "works"
