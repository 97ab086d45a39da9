"""Column types that mean the same in SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

# Sorted by code point everywhere: SQLite knows nothing else, and a server's locale would
# order the same rows differently from one machine to the next.
TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class JsonValue(TypeDecorator[Any]):  # Any: whatever JSON the column's owner keeps there
    """A JSON value; binary JSON in PostgreSQL, whose dialect is loaded only where it is used."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """See `TypeDecorator`."""
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import JSONB

            return dialect.type_descriptor(JSONB())
        return dialect.type_descriptor(JSON())


class UtcTime(TypeDecorator[datetime]):
    """An aware moment in UTC; SQLite, which has no such type, keeps it as sortable text."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What a value is in Python; lists ask when they read filters and page tokens."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: nobody could say which moment they mean."""
        if value is None:
            return None
        assert value.tzinfo is not None, "a stored time carries its zone"
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give every stored time its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class NanoTime(TypeDecorator[datetime]):
    """An aware moment, kept as nanoseconds since the epoch; exact to the microsecond."""

    impl = BigInteger
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """See `UtcTime`."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse naive times, as `UtcTime` does."""
        if value is None:
            return None
        assert value.tzinfo is not None, "a stored time carries its zone"
        return (value - _EPOCH) // timedelta(microseconds=1) * 1000

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """The moment, in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value // 1000)
