"""Limits over HTTP, of accounts, users and keys."""
