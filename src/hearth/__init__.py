"""Hearth: the Fireworks AI platform as one open package, on your own machines."""

__version__ = "0.1.0"
