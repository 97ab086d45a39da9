"""The engine for any OpenAI-style server by URL: vLLM, SGLang, another Hearth, OpenAI.

Answers are always streamed. Where token counts come from:

- vLLM, SGLang and other servers that put running counts on each chunk: from those, at every moment.
- Every other server: from the usage at the end of its stream. A server that sends none cannot be
  metered, so its answers end in an error, and a trial of one token at the start finds it out.
- An answer that is cancelled where nothing was counted yet has its words counted (and those of its
  prompt). A word is at least one token, so what is charged is never more than what was used.

What a server sends apart from the text (thinking, calls, log-probabilities) is passed on as it
comes; schemas and forced calls are as good as the server keeps them.
"""

from hearth.engines.remote.build import build as build
