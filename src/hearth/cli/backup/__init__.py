"""`hearth backup` and `hearth restore`: the whole state as one file, and back."""

from hearth.cli.backup.command import backup, restore

__all__ = ["backup", "restore"]
