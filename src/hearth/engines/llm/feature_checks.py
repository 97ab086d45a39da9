"""What a request may ask for besides text, against what an engine says it can do."""

from __future__ import annotations

from hearth.engines.engine import Failed
from hearth.engines.protocol import Capabilities, Failure, GenerateRequest


def check_features(request: GenerateRequest, capabilities: Capabilities) -> None:
    """Refuse what would be dropped; reasoning is left to the engine, which may emulate it.

    Raises:
        Failed: with the field at fault.
    """
    _check_constraint(request, capabilities)
    if request.tool_use is not None:
        _check_tools(request, capabilities)
    if request.reasoning is not None and request.messages is None:
        raise _refused("Only chats can reason.", "reasoning_effort")
    if request.safe_tokenization and request.messages is None:
        raise _refused("Only `messages` can be tokenised safely.", "safe_tokenization")
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
    if not capabilities.tools and request.tool_use.choice != "none":
        raise _refused("The engine of this model does not support `tools`.", "tools")


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
