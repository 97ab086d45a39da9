"""The Messages API, as Anthropic's clients speak it, over the jobs of chat completions."""
