"""Tables that only grow: the database itself refuses to change or remove a row of them.

Who owns the schema can lift that; nothing that Hearth does can.
"""

from __future__ import annotations

from alembic import op

_REFUSAL = "may only be added to: correct it by another entry"


def refuse_changes(*tables: str, unless: str = "FALSE") -> None:
    """Let UPDATE and DELETE of any row fail.

    A SQLite table that a later migration alters by building it anew loses its triggers: call this
    again there.

    Args:
        unless: a condition on OLD and NEW under which an UPDATE may pass.
    """
    if op.get_bind().dialect.name == "sqlite":
        for table in tables:
            refusal = f"BEGIN SELECT RAISE(ABORT, '{table} {_REFUSAL}'); END"
            _refuse(table, "DELETE", refusal)
            _refuse(table, "UPDATE", f"WHEN NOT ({unless}) {refusal}")
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION hearth_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '% {_REFUSAL}', TG_TABLE_NAME; END $$"
    )
    refusal = "EXECUTE FUNCTION hearth_refuse_change()"
    for table in tables:
        _refuse(table, "DELETE", f"FOR EACH ROW {refusal}")
        _refuse(table, "UPDATE", f"FOR EACH ROW WHEN (NOT ({unless})) {refusal}")


def allow_changes(*tables: str) -> None:
    """Undo `refuse_changes`, for a migration that goes back."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in tables:
        on = "" if is_sqlite else f" ON {table}"
        op.execute(f"DROP TRIGGER {table}_refuses_update{on}")
        op.execute(f"DROP TRIGGER {table}_refuses_delete{on}")
    if not is_sqlite:
        op.execute("DROP FUNCTION hearth_refuse_change()")


def _refuse(table: str, verb: str, how: str) -> None:
    op.execute(f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} {how}")
