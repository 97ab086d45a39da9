"""Engines and the protocol that reaches them: the code that runs in workers, and the supervisor."""
