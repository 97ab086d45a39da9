"""`hearth doctor`: whether this machine can run Hearth, and what to do where it cannot."""

from hearth.cli.doctor.command import doctor

__all__ = ["doctor"]
