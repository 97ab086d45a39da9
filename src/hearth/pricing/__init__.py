"""Pricing: what things cost, by versioned books; exact, in nano-USD."""

from hearth.pricing.types import NANO, Price, PriceBook, Quantities, Subject, Unit

__all__ = ["NANO", "Price", "PriceBook", "Quantities", "Subject", "Unit"]
