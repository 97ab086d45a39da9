"""What Hearth keeps: the home, the database, objects, weights."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from time import perf_counter

from hearth.cli.doctor.findings import Finding, fail, ok, warn
from hearth.errors import ApiError, ModelNotFound, SetupError
from hearth.kit.ids import new_id
from hearth.settings import Settings

LIMIT_S = 2.0
PRIVATE = ("credentials.json", "secret.key", "objects.key", "state.db")
"Files of the home that nobody else may read."


def home(path: Path) -> list[Finding]:
    """Whether the home is ours alone, and whether a Hearth runs in it."""
    if not path.exists():
        return [ok("home", f"{path} is made at the first start")]
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        remedy = "Make it a folder that you may write to, or set HEARTH_HOME to another."
        return [fail("home", f"{path} cannot be written to", remedy)]
    if _is_open(path):  # closed, it shuts off whatever is in it
        readable = [name for name in PRIVATE if _is_open(path / name)]
        says = f"{path} is open to others" + (f", with {', '.join(readable)}" if readable else "")
        return [warn("home", says, f"Run `chmod -R go= {path}`."), _lock(path)]
    return [ok("home", f"{path}, readable by its owner alone"), _lock(path)]


def _is_open(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except FileNotFoundError:
        return False


def _lock(path: Path) -> Finding:
    holder = lock_holder(path)
    return ok(
        "lock", "free: no Hearth runs here" if holder is None else f"held by process {holder}"
    )


def lock_holder(path: Path) -> int | None:
    """The process that holds the home's lock; looked up, for taking it would keep others out."""
    try:
        inode = (path / "lock").stat().st_ino
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    for line in lines:  # 1: FLOCK  ADVISORY  WRITE 4711 fd:01:131 0 EOF
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
            return int(fields[4])
    return None


async def database(settings: Settings) -> list[Finding]:
    """Whether the database answers, and has the schema of this Hearth."""
    from hearth.kit.db import Database
    from hearth.migrations import is_current
    from hearth.migrations.history import pending

    is_ours = not settings.database_url
    if is_ours and not (settings.home_path / "state.db").exists():
        return [ok("database", "SQLite, made at the first start")]
    start_s = perf_counter()
    try:
        db = Database(settings.state_url)
    except SetupError as error:
        return [fail("database", "the setting cannot be used", str(error))]
    try:
        async with asyncio.timeout(LIMIT_S):
            await db.open()
            changes = [] if await is_current(db) else await pending(db)
    except TimeoutError:
        says = f"{db.dialect} did not answer within {LIMIT_S:.0f} s"
        return [fail("database", says, "Start its server, or correct HEARTH_DATABASE_URL.")]
    except (SetupError, ApiError) as error:
        return [fail("database", f"{db.dialect} cannot be used", str(error))]
    finally:
        await db.close()
    reached = ok("database", f"{db.dialect} answers in {(perf_counter() - start_s) * 1000:.0f} ms")
    if changes:
        remedy = "Run `hearth migrate`, or start `hearth up`, which does it too."
        return [reached, warn("schema", f"{len(changes)} changes are missing", remedy)]
    return [reached, ok("schema", "up to date")]


async def objects(settings: Settings) -> Finding:
    """Whether an object can be written, read and deleted."""
    from hearth.kit.objects import ObjectStore

    folder = settings.home_path.absolute() / "objects"
    if not settings.objects_url and not folder.exists():
        return ok("objects", "a folder of the home, made at first need")
    url = settings.objects_url or folder.as_uri()
    key, content = new_id("doctor"), b"is anybody there?"
    scheme = url.partition(":")[0]
    remedy = "Correct HEARTH_OBJECTS_URL, or the AWS_* variables of its credentials."
    try:
        async with asyncio.timeout(LIMIT_S):
            store = ObjectStore(url)
            await store.put(key, content)
            is_same = await store.get(key) == content
            await store.delete(key)
    except TimeoutError:
        return fail("objects", f"{scheme} store did not answer within {LIMIT_S:.0f} s", remedy)
    except (SetupError, ApiError) as error:
        return fail("objects", f"{scheme} store cannot be used", f"{error} {remedy}")
    if not is_same:
        return fail("objects", f"{scheme} store gives back something else", remedy)
    return ok("objects", f"{scheme} store takes, gives and deletes")


def sealing_keys(settings: Settings) -> Finding:
    """Whether the keys that seal secrets can be read; none is made here."""
    from hearth.kit.secret_keys import KEY_FILE, load_sealer

    path = settings.home_path / KEY_FILE
    if not settings.secret_key and not path.exists():
        return ok("secret key", f"{KEY_FILE} is made when a secret is first kept")
    try:
        load_sealer(settings.home_path, settings.secret_key)
    except SetupError as error:
        return fail("secret key", "secrets cannot be opened", str(error))
    return ok("secret key", "HEARTH_SECRET_KEY is set" if settings.secret_key else f"{path}")


def models(settings: Settings) -> Finding:
    """Whether the weights of the default model are here."""
    from hearth.catalog import Catalog, Holdings, ModelStore, Remotes

    path, wanted = settings.home_path, settings.default_model
    held = Holdings(ModelStore(path), Remotes(path))
    try:
        is_here = held.find(wanted) is not None
        known = Catalog.load()
    except (SetupError, ModelNotFound) as error:
        return fail("models", "the model store cannot be read", str(error))
    number = len(held.list())
    if is_here:
        return ok("models", f"{number} here, the default {wanted} among them")
    if known.resolve(wanted, "") is None:
        return fail(
            "models", f"HEARTH_DEFAULT_MODEL {wanted} is in no catalogue", "`hearth models` lists."
        )
    remedy = f"`hearth up` fetches it at its first start, and `hearth pull {wanted}` at once."
    return warn("models", f"{number} here, but not the default {wanted}", remedy)
