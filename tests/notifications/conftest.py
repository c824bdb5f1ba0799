"""A mailer that writes into a folder."""

from pathlib import Path

import pytest

from portal.notifications import mailer
from portal.notifications.delivery import InboxMailer
from portal.notifications.mailer import Mailer

SECRET = "a long secret of this test, more than 32 characters"


@pytest.fixture
def inbox(tmp_path: Path):
    folder = tmp_path / "outbox"
    mailer.configure(Mailer(InboxMailer(folder), "portal@alliance.example", "http://localhost:8000", SECRET))
    yield folder
    mailer.configure(None)
