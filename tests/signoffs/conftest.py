"""A stage on either database; the works room's answer is the test's."""

import pytest

from portal.works import service as works
from tests.signoffs.stage import set_the_stage


@pytest.fixture
def stage_of(monkeypatch):
    """Makes a stage in the database in use."""

    def make(count=3, **kw):
        stage = set_the_stage(count, **kw)
        monkeypatch.setattr(
            works,
            "latest_submission",
            lambda _session, _campaign, member_id: stage.submissions.get(member_id),
        )
        return stage

    return make


@pytest.fixture
def stage(database, stage_of):
    """Three members, two officers, revision 1; on SQLite and on PostgreSQL."""
    return stage_of()


@pytest.fixture
def lite(sqlite_database, stage_of):
    """The same, on SQLite only: for rules that no database decides."""
    return stage_of()
