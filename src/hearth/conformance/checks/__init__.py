"""The promises, feature by feature."""

from hearth.conformance.checks import (
    anthropic_messages,
    chat,
    completions,
    embeddings,
    errors,
    logprobs,
    models,
    prefixes,
    reasoning,
    responses,
    streams,
    structured,
    tools,
)

CHECKS = [
    *prefixes.CHECKS,
    *models.CHECKS,
    *errors.CHECKS,
    *chat.CHECKS,
    *streams.CHECKS,
    *completions.CHECKS,
    *structured.CHECKS,
    *tools.CHECKS,
    *reasoning.CHECKS,
    *logprobs.CHECKS,
    *embeddings.CHECKS,
    *responses.CHECKS,
    *anthropic_messages.CHECKS,
]
