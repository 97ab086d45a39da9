"""What is held for a request: enough for all it may use, and no more than its caller has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.protocol import Capabilities, EmbedRequest, GenerateRequest, Hello, Message
from hearth.gateway.answers import AnswerHead
from hearth.gateway.bounds import UNKNOWN_WINDOW_TOKENS, Bound, bound_of
from hearth.gateway.choice_forms import CHAT
from hearth.gateway.job import Job, Route, VectorJob
from hearth.gateway.text_answer import PLAIN, TextAnswer
from hearth.gateway.till import LEAST_TOKENS, Charge, fit
from hearth.pricing import Quote, Subject, quote, shipped_book

MODEL = "accounts/fireworks/models/deepseek-r1"
ROUTE = Route(model=MODEL, served_by=MODEL)


def hello(*, context_tokens: int = 2048, prompt_limit: bool = True) -> Hello:
    return Hello(
        replica_id="r", engine="fake", engine_version="1", model=MODEL, fingerprint="f",
        context_tokens=context_tokens, max_batch=1,
        capabilities=Capabilities(prompt_limit=prompt_limit),
    )  # fmt: skip


def job(*parts: GenerateRequest) -> Job:
    head = AnswerHead(request_id="i", created=0, model=MODEL, fingerprint=None)
    return Job(
        route=ROUTE, parts=list(parts), answer=TextAnswer(head, CHAT, PLAIN), stream=False,
        with_usage=True, perf_metrics=False, affinity=None, headers=[],
    )  # fmt: skip


def chat(*, n: int = 1, max_tokens: int | None = None) -> GenerateRequest:
    return GenerateRequest(messages=[Message("user", "Why?")], seed=1, n=n, max_tokens=max_tokens)


def reasoning_price() -> Quote:
    """3 dollars for a million tokens in, 8 for a million out."""
    subject = Subject(model=MODEL, price_class="deepseek-r1-fast")
    made = quote(shipped_book(), subject)
    assert made is not None
    return made


def test_a_completion_prompt_is_bounded_by_its_bytes_and_every_choice_counts() -> None:
    parts = [GenerateRequest(prompt="Wärme", seed=1, n=3, max_tokens=5)] * 2

    bound = bound_of(job(*parts), hello())

    assert bound.prompt_tokens >= 2 * len("Wärme".encode())
    assert bound.completion_tokens == 2 * 3 * 5
    assert not bound.is_estimate


def test_a_chat_is_estimated_where_the_worker_counts_and_bounded_where_it_does_not() -> None:
    counted = bound_of(job(chat()), hello())
    blind = bound_of(job(chat()), hello(prompt_limit=False))

    assert counted.is_estimate
    assert not blind.is_estimate
    assert blind.prompt_tokens > counted.prompt_tokens


def test_nothing_is_larger_than_the_window_and_an_unknown_window_is_capped() -> None:
    endless = job(GenerateRequest(prompt="a" * 10_000, seed=1, max_tokens=10**9))

    assert bound_of(endless, hello())[:2] == (2048, 2048)
    unknown = bound_of(job(chat()), hello(context_tokens=0))
    assert unknown.completion_tokens == UNKNOWN_WINDOW_TOKENS
    assert unknown.is_capped


def test_inputs_of_embeddings_are_bounded_each_by_the_window() -> None:
    parts = [EmbedRequest(texts=["a" * 10_000, "b"]), EmbedRequest(token_ids=[[1] * 5])]
    vectors = VectorJob(
        route=ROUTE, parts=parts, body=lambda *_: b"", perf_metrics=False, affinity=None,
        headers=[], ignored=[],
    )  # fmt: skip

    bound = bound_of(vectors, hello(context_tokens=512))

    assert 512 + 3 <= bound.prompt_tokens <= 3 * 512
    assert bound.completion_tokens == 0


@given(
    prompt=st.integers(1, 10_000), completion=st.integers(1, 10_000), left=st.integers(0, 10**8),
    n=st.integers(1, 4), is_open=st.booleans(), is_estimate=st.booleans(),
)  # fmt: skip
def test_what_is_fitted_is_covered_and_of_use(
    *, prompt: int, completion: int, left: int, n: int, is_open: bool, is_estimate: bool
) -> None:
    charge = Charge(reasoning_price(), 0)
    bound = Bound(prompt, completion * n, is_estimate)
    asked = job(chat(n=n, max_tokens=None if is_open else completion))

    fitted = fit(charge.most, bound, left, asked)

    if fitted == bound:
        return  # it is covered as it is, or cannot be
    assert charge.most(fitted) <= left < charge.most(bound)
    assert fitted.prompt_tokens == prompt or is_estimate
    if fitted.completion_tokens != bound.completion_tokens:
        assert is_open
        assert fitted.is_capped
        assert fitted.completion_tokens >= min(LEAST_TOKENS * n, bound.completion_tokens)


@given(prompt=st.integers(0, 10_000), cached=st.integers(0, 10_000), more=st.integers(0, 10_000))
def test_what_is_held_is_never_less_than_the_cost(prompt: int, cached: int, more: int) -> None:
    made = reasoning_price()
    charge = Charge(made, 0)

    cost = made.rate.of_tokens(prompt, min(cached, prompt), more)

    assert cost <= charge.most(Bound(prompt, more))
