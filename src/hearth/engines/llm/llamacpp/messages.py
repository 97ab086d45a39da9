"""The JSON of llama.cpp's own server, as far as we use it (`tools/server` of llama.cpp)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from hearth.engines.llm.llamacpp.slots import Placing
from hearth.engines.llm.types import SequenceRequest
from hearth.engines.protocol import Sampling

_MAX_SEED = 0xFFFF_FFFF  # 32 bits; this very value would mean "draw one"
_BANNED_BELOW = -1e9
_FINAL_FIELDS = ("content", "stop", "stop_type", "tokens_predicted")  # without: the whole prompt


class CompletionRequest(Struct, frozen=True, kw_only=True):
    """Body of `/completion`. All that is sampled by is said: the server has defaults of its own."""

    prompt: list[int]
    n_predict: int
    samplers: list[str]
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    typical_p: float
    repeat_penalty: float
    frequency_penalty: float
    presence_penalty: float
    repeat_last_n: int
    mirostat: int
    mirostat_tau: float
    mirostat_eta: float
    logit_bias: list[tuple[int, float | bool]]
    seed: int
    ignore_eos: bool
    grammar: str
    "Empty: any text."
    preserved_tokens: tuple[str, ...]
    n_probs: int
    lora: msgspec.Raw
    "The scale of every adapter; those left out would keep that of the server's start."
    id_slot: int
    cache_prompt: bool
    "Go on from what the slot holds, as far as it is the same."
    post_sampling_probs: bool = False  # of the model, whatever the temperature
    stream: bool = True
    return_progress: bool = True
    response_fields: tuple[str, ...] = _FINAL_FIELDS


class Progress(Struct, frozen=True):
    """How far a prompt is."""

    cache: int


class ServerFault(Struct, frozen=True):
    """What went wrong, in the server's words."""

    message: str = "no reason given"
    code: int = 500


class AlternativeProbability(Struct, frozen=True):
    """A likely token; its `bytes` are those of the token alone."""

    id: int
    logprob: float


class TokenProbability(Struct, frozen=True):
    """The token of an event."""

    id: int
    logprob: float
    bytes: list[int]
    "Of the event's whole text: of the tokens whose events were held back, too."
    top_logprobs: list[AlternativeProbability]


class CompletionEvent(Struct, frozen=True):
    """One event of a streamed completion."""

    content: str = ""
    stop: bool = False
    tokens_predicted: int = 0
    "So far, those whose text waits for the rest of a character included."
    stop_type: str = ""
    tokens: list[int] = []
    completion_probabilities: list[TokenProbability] = []
    prompt_progress: Progress | None = None
    error: ServerFault | None = None


class FaultBody(Struct, frozen=True):
    """Body of a refusal."""

    error: ServerFault = ServerFault()


class TokenizeRequest(Struct, frozen=True):
    """Body of `/tokenize`."""

    content: str | list[str]
    "Parts are tokenised one by one; only before the first comes a leading token."
    add_special: bool
    parse_special: bool


class TokenizeAnswer(Struct, frozen=True):
    """Answer of `/tokenize`."""

    tokens: list[int]


class SlotSettings(Struct, frozen=True):
    """Part of `Props`."""

    n_ctx: int


class Props(Struct, frozen=True):
    """Answer of `/props`: what the server made of its settings."""

    total_slots: int
    default_generation_settings: SlotSettings


def adapter_scales(names: Sequence[str]) -> dict[str, msgspec.Raw]:
    """Return by name the `lora` that turns on this adapter alone; by an empty one, none.

    Args:
        names: of the adapters, in the order in which the server was given them.
    """
    return {
        chosen: msgspec.Raw(
            msgspec.json.encode(
                [{"id": n, "scale": float(name == chosen)} for n, name in enumerate(names)]
            )
        )
        for chosen in ("", *names)
    }


def completion_body(
    request: SequenceRequest, placing: Placing, *, window: int, lora: msgspec.Raw
) -> bytes:
    """Return the JSON that asks for a sequence. A prediction has no use here.

    Penalties look back over the whole window, so over the prompt too. That is the rule of the API
    for `repetition_penalty`; llama.cpp has one count for all three, so frequency and presence
    penalties see the prompt's tokens as well.
    """
    sampling = request.sampling
    body = CompletionRequest(
        prompt=list(request.prompt),
        n_predict=request.max_tokens,
        samplers=samplers(sampling),
        temperature=_given(sampling.temperature, 1.0),
        top_k=int(_given(sampling.top_k, 0)),
        top_p=_given(sampling.top_p, 1.0),
        min_p=_given(sampling.min_p, 0.0),
        typical_p=_given(sampling.typical_p, 1.0),
        repeat_penalty=sampling.repetition_penalty,
        frequency_penalty=sampling.frequency_penalty,
        presence_penalty=sampling.presence_penalty,
        repeat_last_n=window,
        mirostat=0 if sampling.mirostat_target is None else 2,
        mirostat_tau=_given(sampling.mirostat_target, 5.0),
        mirostat_eta=_given(sampling.mirostat_lr, 0.1),
        logit_bias=_biases(sampling.logit_bias),
        seed=request.seed % _MAX_SEED,
        ignore_eos=request.ignore_eos,
        grammar=request.grammar or "",
        preserved_tokens=request.shown_tokens,
        n_probs=_num_probabilities(request),
        lora=lora,
        id_slot=placing.slot,
        cache_prompt=placing.may_reuse,
    )
    return msgspec.json.encode(body)


def samplers(sampling: Sampling) -> list[str]:
    """Return the chain of samplers, only those that change something, in the API's order.

    Temperature comes before the cuts, as in the services whose API this is; llama.cpp's own order
    has it last. Without temperature nothing is drawn, so nothing needs cutting; cuts over a
    vocabulary of which one token is left were seen to cost 40 % of the speed.
    """
    chain = ["penalties"] if _penalises(sampling) else []
    temperature = _given(sampling.temperature, 1.0)
    if temperature != 1.0:
        chain.append("temperature")
    if temperature == 0.0:
        return chain
    if sampling.top_k:
        chain.append("top_k")
    if _given(sampling.typical_p, 1.0) < 1.0:
        chain.append("typ_p")
    if _given(sampling.top_p, 1.0) < 1.0:
        chain.append("top_p")
    if sampling.min_p:
        chain.append("min_p")
    return chain


def _num_probabilities(request: SequenceRequest) -> int:
    """The bytes that tell held back tokens come with probabilities only."""
    if request.logprobs is None and not request.token_ids:
        return 0
    return max(request.logprobs or 0, 1)


def _penalises(sampling: Sampling) -> bool:
    return (
        sampling.repetition_penalty != 1.0
        or sampling.frequency_penalty != 0.0
        or sampling.presence_penalty != 0.0
    )


def _biases(logit_bias: dict[int, float] | None) -> list[tuple[int, float | bool]]:
    """Return pairs of token and bias; `false` is the server's word for never."""
    return [
        (token, False if bias < _BANNED_BELOW else bias)
        for token, bias in (logit_bias or {}).items()
    ]


def _given(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
