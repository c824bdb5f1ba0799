"""Every text that a person reads is translatable: in templates, and in the labels of forms."""

import ast
import re
from pathlib import Path

import pytest
from jinja2 import Environment

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
FORMS = sorted(
    path for path in (ROOT / "portal").rglob("*.py") if "wtforms" in path.read_text(encoding="utf-8")
)
SAME_IN_EVERY_LANGUAGE = (
    "予行",
    "REHEARSAL",
    "SHA-256",
    "Authorization: Bearer",
    "Subject:",
    "PDF",
    "CSV",
    "JSON",
    "XLSX",
    "LEI",
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_SPOKEN = re.compile(r"""\b(?:alt|title|placeholder|aria-label|label|summary)\s*=\s*["']([^"'\0]*)["']""")


def literal_text(source: str) -> str:
    """What a template writes itself, outside tags and translations; values it fills in are NUL."""
    written, inside, silent = [], False, 0
    for _line, kind, value in Environment(extensions=["jinja2.ext.i18n"], autoescape=True).lex(source):
        if kind == "name" and value == "trans" and inside:
            silent = 1
        elif kind == "name" and value == "endtrans" and inside:
            silent = 0
        elif kind == "block_begin":
            inside = True
        elif kind == "block_end":
            inside = False
        elif kind == "variable_begin":
            written.append("\0")
        elif kind == "data" and not silent:
            written.append(value)
    return "".join(written)


def untranslated(source: str) -> list[str]:
    text = literal_text(source)
    text = re.sub(r"<!--.*?-->", " ", text, flags=re.DOTALL)
    text = re.sub(r"\0(?:/[\w.-]*\0?)+", " ", text, flags=re.ASCII)  # an address in a mail
    spoken = _SPOKEN.findall(text)
    shown = re.sub(r"<(code|pre)\b[^>]*>.*?</\1>", " ", text, flags=re.DOTALL)
    shown = re.sub(r"<[^>]*>", " ", shown)
    shown = re.sub(r"&[a-z#0-9]+;", " ", shown)
    for words in SAME_IN_EVERY_LANGUAGE:
        shown = shown.replace(words, " ")
    return [word for text in [shown, *spoken] for word in _LETTERS.findall(text)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_templates_speak_through_translations(path: Path) -> None:
    assert untranslated(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>{{ _('Fine') }}</p>", []),
        ("<p>Not fine</p>", ["Not", "fine"]),
        ("{% trans %}Fine <b>too</b>{% endtrans %}<b>bad</b>", ["bad"]),
        ("{% trans n=1 %}One{% pluralize %}{{ n }} things{% endtrans %}", []),
        ('<img alt="A dog" src="{{ x }}">', ["dog"]),
        ('<img alt="{{ _("A dog") }}" class="big dog">', []),
        ("{# a comment #}<!-- another --><code>x-y</code>&nbsp;·", []),
        ("{% if a %}yes{% endif %}", ["yes"]),
        ("<p>髙橋</p>", ["髙橋"]),
        ("{{ base_url }}/rounds/{{ id }}/sign\n", []),
        ("{{ base_url }}/rounds/{{ id }} open", ["open"]),
    ],
)
def test_the_check_itself(source: str, words: list[str]) -> None:
    assert untranslated(source) == words


def bare_labels(tree: ast.Module) -> list[str]:
    """Fields of forms, and validators' messages, that are given a text as it stands."""
    bare = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if (
            name.endswith("Field")
            and call.args
            and isinstance(call.args[0], ast.Constant)
            and isinstance(call.args[0].value, str)
        ):
            bare.append(call.args[0].value)
        for keyword in call.keywords:
            if (
                keyword.arg in {"label", "description", "message"}
                and isinstance(keyword.value, ast.Constant)
                and _LETTERS.search(str(keyword.value.value))
                and isinstance(keyword.value.value, str)
            ):
                bare.append(keyword.value.value)
    return [text for text in bare if text and text not in SAME_IN_EVERY_LANGUAGE]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: str(path.relative_to(ROOT / "portal")))
def test_labels_of_forms_are_translatable(path: Path) -> None:
    assert bare_labels(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_labels_check_itself() -> None:
    source = (
        "a = StringField('Name')\nb = StringField(_l('Name'))\nc = X(message='Too long')\nd = HiddenField()"
    )
    assert sorted(bare_labels(ast.parse(source))) == ["Name", "Too long"]
