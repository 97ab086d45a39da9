"""A suite that says how well any server keeps the contract of the inference API.

It speaks plain HTTP and knows nothing of Hearth, so it can be pointed at any server.
"""

from hearth.conformance.server import Server, Subjects
from hearth.conformance.suite import Check, Outcome, Result, all_checks, run

__all__ = ["Check", "Outcome", "Result", "Server", "Subjects", "all_checks", "run"]
