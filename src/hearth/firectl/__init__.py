"""The `firectl` command; it speaks HTTP and knows nothing of the server."""
