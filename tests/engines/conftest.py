"""Engines to run the contract on, each made fresh for one test and closed after it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hearth.engines import fake
from hearth.engines.engine import Engine
from hearth.engines.llm import llamacpp, native
from hearth.engines.protocol import WorkerSpec
from tests.engines.grammar_anchor import GrammarAnchor
from tests.engines.models import smollm2_path, write_tiny_model


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An engine the contract is run on."""

    engine: Engine
    slots: int
    context: int
    prompt: str = "Once upon a time"
    "Makes it talk for long."
    num_cancels: int = 1000
    "Fewer for a model whose first token takes its time."


Make = Callable[..., Subject]
"Called with `slots` and `context`, gives a loaded engine; blocks, so call it off the loop."


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of a few kilobytes."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="session")
def grammar_anchor(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> GrammarAnchor:
    return GrammarAnchor(tiny_model, tmp_path_factory.mktemp("anchor") / "anchor.sock")


@pytest.fixture(autouse=True)
def grammars_kept_apart(grammar_anchor: GrammarAnchor) -> Iterator[None]:
    """Let no freed model be the last that a grammar was compiled for."""
    yield
    if "xllamacpp" in sys.modules:
        grammar_anchor.compile()


def llama_spec(path: Path, **changes: object) -> WorkerSpec:
    """What a llamacpp worker is told, with one thread."""
    fields: dict[str, object] = {
        "replica_id": "replica",
        "address": "",
        "engine": "llamacpp",
        "model": "accounts/test/models/test",
        "path": str(path),
        "threads": 1,
        "slots": 2,
        "context_tokens": 512,
    }
    return WorkerSpec(**(fields | changes))  # type: ignore[arg-type]


def native_spec(path: Path, **changes: object) -> WorkerSpec:
    """What a native worker is told: exact numbers on the CPU."""
    options = {"backend": "openvino", "precision": "f32"}
    return llama_spec(path, **({"engine": "native", "options": options} | changes))


def _llamacpp(path: Path) -> Make:
    def make(*, slots: int, context: int) -> Subject:
        spec = llama_spec(path, slots=slots, context_tokens=context)
        few = 100 if path == smollm2_path() else 1000
        engine = llamacpp.build(spec)
        return Subject(engine=engine, slots=slots, context=context, num_cancels=few)

    return make


def _native(path: Path) -> Make:
    def make(*, slots: int, context: int) -> Subject:
        spec = native_spec(path, slots=slots, context_tokens=context)
        return Subject(engine=native.build(spec), slots=slots, context=context)

    return make


def _fake(*, slots: int, context: int) -> Subject:
    spec = llama_spec(Path(), engine="fake", slots=slots, context_tokens=context)
    return Subject(engine=fake.build(spec), slots=slots, context=context)


@pytest.fixture(params=["fake", "llamacpp-tiny", "llamacpp-smollm2", "native-tiny"])
def make_subject(request: pytest.FixtureRequest, tiny_model: Path) -> Make:
    """Runs the test once for each engine."""
    return {
        "fake": _fake,
        "llamacpp-tiny": _llamacpp(tiny_model),
        "llamacpp-smollm2": _llamacpp(smollm2_path()),
        "native-tiny": _native(tiny_model),
    }[request.param]


@pytest.fixture
async def subject(make_subject: Make) -> AsyncIterator[Subject]:
    """An engine with two slots and a window of 512 tokens."""
    made = await asyncio.to_thread(make_subject, slots=2, context=512)
    yield made
    await made.engine.close()


@pytest.fixture
async def one_slot(make_subject: Make) -> AsyncIterator[Subject]:
    """An engine that works on one sequence at a time, with room for a very long one."""
    made = await asyncio.to_thread(make_subject, slots=1, context=4096)
    yield made
    await made.engine.close()
