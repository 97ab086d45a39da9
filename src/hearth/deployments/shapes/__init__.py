"""Deployment shapes: settings of hardware that are known to hold a model, with their versions."""
