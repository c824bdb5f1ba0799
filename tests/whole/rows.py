"""Rows for tests of one room that need others' rows to exist, whatever is in them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db import Base, Instant, Json
from portal.kernel.act import new_id


def insert(session: Session, table: str, **values: Any) -> Mapping[str, Any]:
    """Insert a row of *table* with *values*; what else it must have is made up, rows it refers to too.

    Returns the row. A row of this primary key that is there already is left and returned.
    """
    columns = Base.metadata.tables[table].columns
    row = dict(values)
    for column in columns:
        if (
            column.name in row
            or column.nullable
            or column.default is not None
            or column.server_default is not None
        ):
            continue
        if column.foreign_keys:
            (key,) = column.foreign_keys
            row[column.name] = insert(session, key.column.table.name)[key.column.name]
        else:
            row[column.name] = _made_up(column)
    existing = _existing(session, columns, row)
    if existing is None:
        session.execute(sa.insert(Base.metadata.tables[table]).values(**row))
    return existing or row


def _existing(session: Session, columns: Any, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    where = [column == row[column.name] for column in columns if column.primary_key and column.name in row]
    found = session.execute(sa.select(*columns).where(*where)).mappings().first()
    return dict(found) if found else None


def _made_up(column: "sa.Column[Any]") -> Any:
    kind = column.type
    if isinstance(kind, Json):
        return {}
    if isinstance(kind, Instant):
        return datetime(2026, 11, 1, tzinfo=UTC)
    if isinstance(kind, sa.Enum):
        return (kind.enum_class and next(iter(kind.enum_class))) or kind.enums[0]
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, sa.Integer):
        return 1
    if isinstance(kind, sa.Date):
        return date(2026, 11, 1)
    if isinstance(kind, sa.LargeBinary):
        return b"x"
    return new_id()[-(getattr(kind, "length", None) or 32) :]
