"""Signed links and what comes by them."""
