"""Settings: read once, a bad one stops the start with a sentence that names it."""

import pytest

from portal.config import BadSetting, from_environment


def settings(tmp_path, **env):
    return from_environment({"RENSHO_DATA": str(tmp_path), **env})


def test_a_laptop_needs_nothing(tmp_path):
    found = settings(tmp_path)
    assert found.base_url == "http://localhost:8000"
    assert found.database_url == f"sqlite:///{tmp_path / 'rensho.db'}"
    assert not found.secure
    assert len(found.secret_key) == 64
    assert settings(tmp_path).secret_key == found.secret_key


def test_secrets_are_not_printed(tmp_path):
    found = settings(tmp_path, RENSHO_SEAL_PASSPHRASE="passphrase of the seal")
    assert found.secret_key not in repr(found)
    assert "passphrase of the seal" not in repr(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RENSHO_SECRET_KEY", "short"),
        ("RENSHO_BASE_URL", "portal.example"),
        ("RENSHO_BASE_URL", "ftp://portal.example"),
        ("RENSHO_MAIL", "http://mail.example"),
        ("RENSHO_TRUSTED_PROXIES", "many"),
        ("RENSHO_TRUSTED_PROXIES", "-1"),
        ("RENSHO_TIMEZONE", "Asia/Atlantis"),
        ("RENSHO_TIMEZONE", "../etc/passwd"),
        ("RENSHO_SEAL_P12", "/nowhere/seal.p12"),
        ("RENSHO_DEMO", "maybe"),
    ],
)
def test_a_bad_setting_stops_the_start(tmp_path, name, value):
    with pytest.raises(BadSetting, match=name):
        settings(tmp_path, **{name: value})


def test_https_makes_it_secure_and_a_rehearsal_marks_the_origin(tmp_path):
    found = settings(tmp_path, RENSHO_BASE_URL="https://portal.example/", RENSHO_REHEARSAL="yes")
    assert found.secure
    assert found.base_url == "https://portal.example"
    assert found.origin == "portal.example/log/rehearsal"
