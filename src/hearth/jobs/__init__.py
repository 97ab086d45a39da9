"""Durable jobs: work that survives the death of whoever runs it."""
