"""Every text of the portal is there in Japanese too; and the check that says so notices what is missing."""

import io

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from tests import translations


def test_every_text_is_translated(capsys: pytest.CaptureFixture[str]) -> None:
    status = translations.main()
    assert status == 0, capsys.readouterr().out[-4000:]


def test_texts_are_found_where_they_stand() -> None:
    found = translations.texts()
    assert len(found) > 100
    places = {name.split("/")[0] for message in found for name, _line in message.locations}
    assert places == {"portal", "templates"}
    assert found.get("Published letters") is not None  # a template
    assert found.get("It cannot have arrived before it left.") is not None  # a sentence
    assert found.get("To whom and where") is not None  # a label


@pytest.mark.parametrize(
    ("po", "wrong"),
    [
        ('msgid "Sign %(name)s"\nmsgstr "%(name)sの署名"\n', 0),
        ("", 1),
        ('msgid "Sign %(name)s"\nmsgstr ""\n', 1),
        ('#, fuzzy\nmsgid "Sign %(name)s"\nmsgstr "%(name)sの署名"\n', 1),
        ('msgid "Sign %(name)s"\nmsgstr "署名"\n', 1),
        ('msgid "Sign %(name)s"\nmsgstr "%(nmae)sの署名"\n', 1),
    ],
)
def test_what_is_missing_is_noticed(po: str, wrong: int) -> None:
    wanted = Catalog()
    wanted.add("Sign %(name)s", locations=[("portal/x.py", 1)])
    assert len(translations.missing(wanted, read_po(io.StringIO(po), locale="ja"))) == wrong


def test_plurals() -> None:
    wanted = Catalog()
    wanted.add(("%(n)s work", "%(n)s works"), locations=[("portal/x.py", 1)])
    one = 'msgid "%(n)s work"\nmsgid_plural "%(n)s works"\nmsgstr[0] "{}"\n'
    assert translations.missing(wanted, read_po(io.StringIO(one.format("%(n)s作品")), locale="ja")) == []
    assert len(translations.missing(wanted, read_po(io.StringIO(one.format("")), locale="ja"))) == 1
