"""Tables that only grow: the database itself refuses to change or remove a row of them.

Who owns the schema can lift that; nothing that Hearth does can.
"""

from __future__ import annotations

from alembic import op

_REFUSAL = "may only be added to: correct it by another entry"


def refuse_changes(*tables: str) -> None:
    """Let UPDATE and DELETE of any row fail.

    A SQLite table that a later migration alters by building it anew loses its triggers: call this
    again there.
    """
    if op.get_bind().dialect.name == "sqlite":
        for table in tables:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} {_REFUSAL}'); END"
                )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION hearth_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '% {_REFUSAL}', TG_TABLE_NAME; END $$"
    )
    for table in tables:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION hearth_refuse_change()"
        )


def allow_changes(*tables: str) -> None:
    """Undo `refuse_changes`, for a migration that goes back."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in tables:
        if is_sqlite:
            op.execute(f"DROP TRIGGER {table}_refuses_update")
            op.execute(f"DROP TRIGGER {table}_refuses_delete")
        else:
            op.execute(f"DROP TRIGGER {table}_refuses_change ON {table}")
    if not is_sqlite:
        op.execute("DROP FUNCTION hearth_refuse_change()")
