"""A backup made beside a running Hearth."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hearth import __version__
from hearth.cli.backup import contents
from hearth.cli.backup.archive import Manifest, writing
from hearth.errors import SetupError
from hearth.kit.clock import to_rfc3339, utc_now
from hearth.kit.db import Database
from hearth.settings import Settings, load_settings


def make(file: Path, *, with_models: bool) -> Manifest:
    """Write a backup of the Hearth of the settings.

    Raises:
        SetupError: there is nothing to back up, or the file cannot be written.
    """
    settings = load_settings()
    home, file = settings.home_path.resolve(), file.resolve()
    db = Database(settings.state_url)
    if not home.is_dir() or (db.dialect == "sqlite" and not Path(str(db.url.database)).exists()):
        raise SetupError(f"There is no Hearth in {home}: set HEARTH_HOME to the one to back up.")
    if file.is_relative_to(home):
        raise SetupError(f"{file} lies in the home itself: name a place on another disk.")
    if not file.parent.is_dir():
        raise SetupError(f"There is no folder {file.parent}; make it first.")
    with (
        TemporaryDirectory(dir=file.parent, prefix=".hearth-backup-") as scratch,
        writing(file) as writer,
    ):
        contents.add_journals(writer, home)
        contents.add_state(writer, db, home, Path(scratch))
        contents.add_rest(writer, home, with_models=with_models)
        manifest = Manifest(
            hearth=__version__,
            create_time=to_rfc3339(utc_now()),
            dialect=db.dialect,
            has_models=with_models,
            left_out=_left_out(settings, with_models=with_models),
            folders=writer.folders,
            members=writer.members,
        )
        writer.finish(manifest)
    return manifest


def _left_out(settings: Settings, *, with_models: bool) -> list[str]:
    """What belongs to this Hearth and is elsewhere, for a person to see to."""
    left_out = []
    if not with_models and (settings.home_path / contents.MODELS).is_dir():
        left_out.append("weights; `hearth pull` fetches them, or add them by --with-models.")
    if settings.secret_key:
        left_out.append("HEARTH_SECRET_KEY; without it secrets cannot be opened.")
    if settings.objects_url:
        left_out.append("the objects of HEARTH_OBJECTS_URL; back that store up by its own means.")
    return left_out
