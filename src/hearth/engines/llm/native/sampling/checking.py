"""Which combinations of settings are refused, because one would be ignored."""

from __future__ import annotations

from hearth.engines.engine import Failed
from hearth.engines.protocol import Failure, Sampling

_CUTS = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0}
"By name, the value that cuts nothing."


def check(sampling: Sampling) -> None:
    """Refuse what mirostat would switch off; see `TokenEngine.check`.

    Mirostat chooses by itself which tokens may be drawn, so it takes the place of all cuts; a
    temperature, bias and penalties go before it. Cuts that a request leaves to its model are
    passed over without a word.

    Raises:
        Failed: with the field at fault.
    """
    if sampling.mirostat_target is None:
        if sampling.mirostat_lr is not None:
            raise _refused("`mirostat_lr` needs `mirostat_target`.", "mirostat_lr")
        return
    for field, neutral in _CUTS.items():
        if getattr(sampling, field) not in {None, neutral}:
            raise _refused(
                f"The engine of this model cannot combine `mirostat_target` with `{field}`.", field
            )
    if sampling.temperature == 0.0:
        raise _refused("`mirostat_target` needs a temperature above 0.", "mirostat_target")


def _refused(message: str, param: str) -> Failed:
    return Failed(Failure(kind="invalid", message=message, param=param))
