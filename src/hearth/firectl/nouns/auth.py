"""`firectl auth login`: the sign-in under the name that some of the documentation gives it."""

from __future__ import annotations

from hearth.firectl.grammar import Noun
from hearth.firectl.nouns.session import signer

NOUN = Noun(summary="Signing in.", commands=(signer("login", "firectl auth login"),))
