"""The hot path: HTTP in, worker frames out; authentication, admission, routing, streaming."""
