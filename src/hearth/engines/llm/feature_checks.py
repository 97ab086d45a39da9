"""What a request may ask for besides text, against what an engine says it can do."""

from __future__ import annotations

from hearth.engines.engine import Failed
from hearth.engines.protocol import Capabilities, Failure, GenerateRequest, Reasoning


def check_features(request: GenerateRequest, capabilities: Capabilities) -> None:
    """Refuse what would be dropped; reasoning is left to the engine, which may emulate it.

    Raises:
        Failed: with the field at fault.
    """
    _check_constraint(request, capabilities)
    if request.tool_use is not None:
        _check_tools(request, capabilities)
    if request.reasoning is not None:
        _check_reasoning(request, request.reasoning)
    if request.safe_tokenization:
        _check_safe_tokenization(request)
    if request.logprobs is not None:
        _check_logprobs(request.logprobs, capabilities)
    if request.echo_tokens is not None and not capabilities.echo:
        name = "echo" if request.echo_tokens < 0 else "echo_last"
        raise _refused(f"The engine of this model does not support `{name}`.", name)
    if (request.return_token_ids or request.return_prompt) and not capabilities.token_ids:
        name = "raw_output" if request.return_prompt else "return_token_ids"
        raise _refused(f"The engine of this model does not support `{name}`.", name)


def _check_constraint(request: GenerateRequest, capabilities: Capabilities) -> None:
    constraint = request.constraint
    if constraint is not None and constraint.kind not in capabilities.constraints:
        kind = constraint.kind.replace("_", " ")
        raise _refused(
            f"The engine of this model cannot hold its answers to a {kind}.", constraint.param
        )


def _check_tools(request: GenerateRequest, capabilities: Capabilities) -> None:
    assert request.tool_use is not None
    if request.messages is None:
        raise _refused("Only chats can call tools.", "tools")
    if request.tool_use.choice == "none":
        return
    if not capabilities.tools:
        raise _refused("The engine of this model does not support `tools`.", "tools")
    if request.constraint is not None:
        raise _refused(
            "An answer held to a `response_format` can make no calls; leave `tools` out, or set "
            "`tool_choice` to `none`.",
            "tools",
        )
    if request.tool_use.choice == "required" and "json_schema" not in capabilities.constraints:
        raise _refused("The engine of this model cannot be made to call tools.", "tool_choice")


def _check_reasoning(request: GenerateRequest, reasoning: Reasoning) -> None:
    if request.messages is None:
        raise _refused("Only chats can reason.", "reasoning_effort")
    budget = reasoning.budget_tokens
    if budget is not None and budget < 1:
        raise _refused(f"{budget} tokens are no budget for reasoning.", "reasoning_effort")


def _check_safe_tokenization(request: GenerateRequest) -> None:
    if request.messages is None:
        raise _refused("Only `messages` can be tokenised safely.", "safe_tokenization")
    if request.prompt_truncate_tokens is not None:
        raise _refused(
            "`safe_tokenization` cannot be combined with `prompt_truncate_len`.",
            "safe_tokenization",
        )


def _check_logprobs(asked: int, capabilities: Capabilities) -> None:
    if capabilities.logprobs is None:
        raise _refused("The engine of this model does not support `logprobs`.", "logprobs")
    if asked > capabilities.logprobs:
        raise _refused(
            f"The engine of this model knows {capabilities.logprobs} alternatives at most.",
            "top_logprobs",
        )


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
