"""The Responses API: conversations that the server keeps, over the jobs of chat completions."""
