"""Routers: one name in front of several deployments, and which of them gets a request."""
