"""The command: everything is looked at side by side, told in order, within seconds."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hearth.cli.doctor.findings import Finding


class Output(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"


def doctor(
    *,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="text to read, or json for programs.")
    ] = Output.TEXT,
) -> None:
    """Check this machine and say what to do; exit 1 if Hearth cannot run."""
    import asyncio

    from hearth.cli.doctor.examination import examine
    from hearth.cli.doctor.findings import is_healthy
    from hearth.settings import load_settings

    findings = asyncio.run(examine(load_settings()))
    if output is Output.JSON:
        import msgspec

        body = {"healthy": is_healthy(findings), "findings": findings}
        typer.echo(msgspec.json.format(msgspec.json.encode(body), indent=2))
    else:
        for finding in findings:
            typer.echo(_line(finding))
    if not is_healthy(findings):
        raise typer.Exit(1)


def _line(finding: Finding) -> str:
    line = f"{finding.level:<5} {finding.name:<11} {finding.says}"
    return f"{line}\n{'':<18}{finding.remedy}" if finding.remedy else line
