"""The stage of the sign-offs, for tests of what comes after them."""

from tests.signoffs.conftest import stage_of

__all__ = ["stage_of"]
