"""The migrations: they make exactly the tables the code declares, once, and never look back."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import hearth
import hearth.migrations
from hearth.errors import SetupError
from hearth.kit.db import Database, metadata
from hearth.migrations import HEAD, migrate

LIMIT_S = 30


def import_every_table() -> None:
    """Tables are declared in the stores and in kit; importing them fills the metadata."""
    source = Path(hearth.__file__).parent
    for path in [*source.rglob("store.py"), *source.glob("kit/*.py")]:
        parts = path.relative_to(source.parent).with_suffix("").parts
        importlib.import_module(".".join(parts).removesuffix(".__init__"))


async def test_the_migrated_schema_is_the_declared_one(empty_db: Database) -> None:
    import_every_table()
    await migrate(empty_db)

    async with empty_db.write() as conn:
        differences = await conn.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_server_default": True}), metadata
            )
        )

    assert differences == []


def test_head_is_the_newest_revision() -> None:
    folder = Path(hearth.migrations.__file__).parent

    assert ScriptDirectory(str(folder)).get_heads() == [HEAD]


async def test_a_state_written_by_a_newer_hearth_is_left_alone(empty_db: Database) -> None:
    await migrate(empty_db)
    async with empty_db.write() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SetupError, match="revision 9999, which this Hearth does not know"):
        await migrate(empty_db)


def test_a_state_at_head_is_checked_without_alembic(db_url: str) -> None:
    script = (
        "import asyncio, sys\n"
        "from hearth.accounts import KeySnapshot\n"
        "from hearth.kit.db import Database\n"
        "from hearth.migrations import migrate\n"
        "async def main():\n"
        "    db = Database(sys.argv[1])\n"
        "    await db.open()\n"
        "    await migrate(db)\n"
        "    await KeySnapshot(db).refresh()\n"
        "    await db.close()\n"
        "asyncio.run(main())\n"
        "print([name for name in ('alembic', 'lark', 'obstore') if name in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, db_url],
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip

    assert (done.stdout, done.stderr) == ("[]\n", "")
