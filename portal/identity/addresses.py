"""E-mail addresses: when one is written rightly, and when two are the same. Pure."""

from __future__ import annotations

import unicodedata

from email_validator import EmailNotValidError, validate_email

from portal.kernel.sentence import Sentence, say


def address_key(text: str) -> str:
    """How addresses are compared: NFKC, casefolded, trimmed, so that one mailbox has one account.

    Casefolding can undo the normal form, so it is normalised once more (Unicode 15, D145).
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def address_problem(text: str) -> Sentence | None:
    """What is wrong with an address as typed, or None. Nothing is looked up."""
    try:
        validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError:
        return say("“%(address)s” is not an e-mail address like name@company.example.", address=text.strip())
    return None if len(text.strip()) <= 320 else say("This e-mail address is too long.")
