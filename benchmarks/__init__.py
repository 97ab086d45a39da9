"""Measurements of Hearth against its yardsticks; see README.md. Run with `make bench`."""
