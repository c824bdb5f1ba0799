"""A house for tests: keys and files in a folder of the test's own; the seal's key is made once a run."""

import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from portal.config import Settings
from portal.letters.house import House, open_house

SECRET = "a secret of the tests, long enough to be one"


@lru_cache(maxsize=1)
def keys() -> Path:
    """A folder with log key and seal, made once a run."""
    folder = Path(tempfile.mkdtemp(prefix="rensho-keys-"))
    open_house(_settings(folder))
    return folder / "keys"


def _settings(folder: Path) -> Settings:
    return Settings(
        data_dir=folder,
        database_url="sqlite://",
        secret_key=SECRET,
        base_url="https://portal.association.example",
    )


def open_test_house(folder: Path) -> House:
    """Keys copied from the run's own, an empty file store."""
    shutil.copytree(keys(), folder / "keys")
    return open_house(_settings(folder))
