"""Compliance modes: what each demands of everything that has to do with a deployment.

A mode is a row of `MODES`; whoever keeps to one asks for the rule, never for the mode's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from hearth.errors import InvalidRequest


@dataclass(frozen=True, kw_only=True)
class ComplianceMode:
    """The rules of one mode.

    Args:
        name: as clients write it.
        certifications: only regions that have all of these may run it.
        keeps_content: whether prompts and answers may be logged, stored or repeated.
        needs_tls: whether requests must come over TLS.
        seals_objects: whether weights and files of the account lie encrypted on disk.
        audits_access: whether the audit log says who used it.
    """

    name: str
    certifications: frozenset[str]
    keeps_content: bool = True
    needs_tls: bool = False
    seals_objects: bool = False
    audits_access: bool = False


MODES = {
    mode.name: mode
    for mode in (
        ComplianceMode(
            name="hipaa",
            certifications=frozenset({"hipaa"}),
            keeps_content=False,
            needs_tls=True,
            seals_objects=True,
            audits_access=True,
        ),
    )
}


def mode_of(name: str) -> ComplianceMode | None:
    """The mode that a deployment names; None: it names none.

    Raises:
        InvalidRequest: there is no such mode.
    """
    if not name:
        return None
    try:
        return MODES[name]
    except KeyError:
        raise InvalidRequest(
            f"complianceMode {name[:80]!r} is not known; use {', '.join(sorted(MODES))}, or none.",
            param="vpc.complianceMode",
        ) from None
