"""A GET changes nothing but session last-seen and throttle counters (DESIGN §3.9)."""

from hashlib import sha256

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.db import Base
from tests.whole.conftest import Installation, sign_in
from tests.whole.crawl import crawl, parameterless

ALLOWED = {"session": {"last_seen_at"}}
LEFT_OUT = {"throttle"}


def digests(installation: Installation) -> dict[str, str]:
    """By table, a digest over all its rows, without what a GET may change."""
    result = {}
    with installation.database.read.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            columns = [column for column in table.columns if column.name not in ALLOWED.get(table.name, ())]
            rows = sorted(repr(tuple(row)) for row in connection.execute(sa.select(*columns)))
            result[table.name] = sha256("\n".join(rows).encode()).hexdigest()
    return result


@pytest.mark.parametrize("name", ["anonymous", "staff 1", "member"])
def test_reading_everything(app: Flask, installation: Installation, personas, name: str) -> None:
    client = sign_in(app, personas[name])
    before = digests(installation)
    assert len(before) > 20
    crawl(client, [*parameterless(app), "/"])
    after = digests(installation)
    assert [table for table in before if before[table] != after[table]] == []


def test_the_digest_notices_a_change(app: Flask, installation: Installation, personas) -> None:
    before = digests(installation)
    sign_in(app, personas["member"])
    after = digests(installation)
    changed = {table for table in before if before[table] != after[table]}
    assert changed == {"session", "log_entry", "log_head", "log_node"}
