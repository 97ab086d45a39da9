"""A backup brought back: unpacked and proven beside the home first, then put in its place."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from time import strftime

from hearth import metering, migrations
from hearth.cli.backup.archive import Manifest, unpack
from hearth.cli.backup.contents import DATABASE, HOME, MODELS
from hearth.errors import SetupError
from hearth.kit import db_snapshots
from hearth.kit.db import Database
from hearth.kit.home import take_home
from hearth.metering.folder import Folder, journals
from hearth.settings import load_settings

_NOTHING = {"lock"}  # what a home has that nothing was ever kept in


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What became of a restore."""

    manifest: Manifest
    books: str
    "Whether the ledger adds up, as a sentence."
    put_aside: Path | None
    "Where the home is now that was there before."


async def bring_back(file: Path, *, is_replaced: bool) -> Restored:
    """Restore the Hearth of the settings.

    Raises:
        SetupError: the file is no whole backup, the home is in use or holds something, or the
            database is not of the backup's kind; nothing was changed.
    """
    settings = load_settings()
    home = settings.home_path.resolve()
    db = Database(settings.state_url)
    with ExitStack() as ending:
        ending.callback(os.close, take_home(home))
        _check_unused(home)
        if not is_replaced and {path.name for path in home.iterdir()} - _NOTHING:
            raise SetupError(f"{home} is not empty: --replace puts aside what is there.")
        staging = _make_staging(home)
        ending.callback(shutil.rmtree, staging, ignore_errors=True)
        manifest = unpack(file, staging)
        if manifest.dialect != db.dialect:
            raise SetupError(
                f"The backup is of {manifest.dialect}, HEARTH_DATABASE_URL names {db.dialect}: "
                "set it to a database of the backup's kind."
            )
        books = await _restore_database(db, staging, home, is_replaced=is_replaced)
        put_aside = _swap(staging / HOME, home, has_models=manifest.has_models)
    return Restored(manifest=manifest, books=books, put_aside=put_aside)


def _make_staging(home: Path) -> Path:
    """A folder beside the home, on its disk, so that what is in it can be renamed into place."""
    try:
        staging = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{home.name}-restoring-"))
        (staging / HOME).mkdir(mode=0o700)
    except OSError as error:
        raise SetupError(
            f"Cannot write to {home.parent}: {error.strerror}; a restore works beside the home."
        ) from error
    return staging


def _check_unused(home: Path) -> None:
    """Raises `SetupError` while a gateway writes its journal in this home."""
    root = journals(home)
    for path in root.iterdir() if root.is_dir() else ():
        folder = Folder.adopt(path)
        if folder is None and path.is_dir():
            raise SetupError(f"A gateway serves from {home}: stop it first.")
        if folder is not None:
            folder.release()


async def _restore_database(db: Database, staging: Path, home: Path, *, is_replaced: bool) -> str:
    """Put the database where it belongs, and say whether its books agree."""
    kept = staging / DATABASE
    if not kept.exists():
        raise SetupError("The backup holds no database: it cannot be restored.")
    if db.dialect == "postgresql":
        return await _restore_postgres(db, kept, is_replaced=is_replaced)
    db_snapshots.check_sqlite(kept)
    books = await _books(Database(f"sqlite:///{kept}"))
    _place_sqlite(kept, Path(str(db.url.database)), staging, home, is_replaced=is_replaced)
    return books


def _place_sqlite(kept: Path, place: Path, staging: Path, home: Path, *, is_replaced: bool) -> None:
    """Put a SQLite file into the new home, or where else HEARTH_DATABASE_URL says."""
    place = place.resolve()
    if place.is_relative_to(home):
        target = staging / HOME / place.relative_to(home)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept.rename(target)
        return
    if place.exists() and not is_replaced:
        raise SetupError(f"{place} is there already: --replace puts it aside.")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            aside = _aside(place)
            place.with_name(place.name + suffix).rename(aside.with_name(aside.name + suffix))
    shutil.move(kept, place)


async def _restore_postgres(db: Database, dump: Path, *, is_replaced: bool) -> str:
    try:
        await db.open()
        if not is_replaced and not await db_snapshots.is_empty(db):
            raise SetupError(
                "The database of HEARTH_DATABASE_URL has tables already: name an empty one, "
                "or replace them by --replace."
            )
        db_snapshots.restore_postgres(db, dump, is_replaced=is_replaced)
    finally:
        await db.close()
    return await _books(Database(db.url.render_as_string(hide_password=False)))


async def _books(db: Database) -> str:
    """Add every row of the ledger up again."""
    try:
        await db.open()
        if not await migrations.is_current(db):
            return "The state is an older Hearth's: `hearth up` brings it up to date."
        check = await metering.verify(db)
    finally:
        await db.close()
    num_rows = sum(check.num_rows.values())
    if check.differences:
        return f"{len(check.differences)} sums of its books disagree: see `hearth ledger verify`."
    return f"Its books agree: {num_rows:,} rows."


def _swap(new: Path, home: Path, *, has_models: bool) -> Path | None:
    """Put the new home in the old one's place; the old one is kept unless it was empty.

    Raises:
        SetupError: it could not be done; the old home is where it was.
    """
    aside = _aside(home)
    try:
        home.rename(aside)
        try:
            new.rename(home)
        except OSError:
            aside.rename(home)
            raise
    except OSError as error:
        raise SetupError(
            f"Cannot replace {home}: {error.strerror or error}. It must be a plain folder."
        ) from error
    if not has_models and (aside / MODELS).is_dir() and not (home / MODELS).exists():
        (aside / MODELS).rename(home / MODELS)  # weights are the same everywhere
    if not {path.name for path in aside.iterdir()} - _NOTHING:
        shutil.rmtree(aside)
        return None
    return aside


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.before-{strftime('%Y%m%dT%H%M%S')}")
