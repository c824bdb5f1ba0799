"""The letter on paper: all of it there, as approved, and nothing that its edition does not show."""

import hashlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from portal.kernel.digest import canonical
from portal.letters.layout import letter_pdf
from portal.paper.fonts import MissingGlyph, UnprintableText
from tests.paper.examples import MEMBERS, projection, sample, table, works
from tests.paper.reading import checked, pages_of, squeezed, text_of


def letter(**options):
    return letter_pdf(*sample(**options))


def texts(record):
    """Every string of the record that a reader of the letter must find on paper."""
    for language in record["languages"]:
        yield record["subject"][language]
        for section in record["sections"][language]:
            yield section["heading"]
            yield from (block["text"] for block in section["blocks"])
        yield record["mandate"]["text"][language]
        yield record["quorum"]["sentence"][language]
        yield record["order"]["sentence"][language]
    for exhibit in record["exhibits"]:
        yield from (exhibit["url"], exhibit["sha256"])
        yield from (exhibit[key][language] for key in ("title", "note") for language in record["languages"])
    for officer in record["countersignatures"]:
        yield officer["digest"]
        yield from (officer[key][language] for key in ("names", "title") for language in record["languages"])
    yield from record["log"].values()
    yield from (record["commitment"], record["verify_url"], record["revision"]["digest"])


@pytest.mark.parametrize("languages", [("en",), ("ja",), ("en", "ja"), ("ja", "en")])
def test_everything_approved_is_on_paper_as_it_was_approved(languages, tmp_path):
    record, schedule = sample(languages=languages)
    pdf = letter_pdf(record, schedule)
    checked(pdf, tmp_path)
    # -raw: in the order of drawing, so that columns are not mixed
    body = "".join(
        page.split("\n", 1)[-1] if number else page for number, page in enumerate(pages_of(pdf, "-raw"))
    )
    read = squeezed(without_furniture(body))
    for text in texts(record):
        for line in text.split("\n"):
            assert squeezed(line) in read, line


def without_furniture(text):
    """Running heads and feet stand between the two halves of a paragraph that a page cuts."""
    furniture = ("Page ", "Addressee edition", "宛先版", "FCA-2026-0001   ")
    lines = [line for line in text.split("\n") if not line.startswith(furniture)]
    return "\n".join(line for line in lines if not line.endswith("ページ"))


def test_every_name_comes_back_on_one_line_in_both_scripts_and_in_order():
    pages = pages_of(letter(), "-layout")
    names = next(page for page in pages if "The members in whose name" in page)
    lines = [" ".join(line.split()) for line in names.split("\n")]
    expected = [f"{n} {japanese} {english}" for n, (japanese, english, _) in enumerate(MEMBERS, 1)]
    assert [line for line in lines if line in expected] == expected


@pytest.mark.parametrize(
    "name", ["株式会社", "髙橋", "山﨑", "𠮷田", "Café", "One <Two> & Sons LLC", "ナイト〈夜〉"]
)
def test_characters_that_have_gone_wrong_in_print(name):
    assert name in text_of(letter())


def test_every_work_once():
    record, schedule = sample(each=9)
    read = squeezed(text_of(letter_pdf(record, schedule), "-raw"))
    for row in works([(english, japanese) for japanese, english, _ in MEMBERS], 9):
        assert read.count(squeezed(f"{row[0]}{row[3]}")) >= 1
    assert "109works" in read
    assert "Seven Lanterns — 七つの灯籠".replace(" ", "") in read


def test_an_unnamed_member_counts_and_appears_nowhere():
    shown, hidden = MEMBERS[:9], MEMBERS[9:]
    rows = table(works([(english, japanese) for japanese, english, _ in shown], 2))
    pdf = letter_pdf(projection(members=shown, total=12, schedule=rows, edition="public"), rows)
    text = text_of(pdf)
    assert "3 further members approved and are not named in this edition." in text
    assert "このほか3社が承認しましたが、この版では社名を掲げていません。" in text
    streams = decoded(pdf)
    for japanese, english, _ in hidden:
        assert english.encode() not in streams
        assert japanese.encode() not in streams
        assert english not in text


def decoded(pdf):
    """Every byte of the file with its streams unpacked."""
    reader = PdfFileReader(io.BytesIO(pdf))
    out = [pdf]
    for reference in reader.xrefs.explicit_refs_in_revision(0):
        found = reader.get_object(reference)
        if hasattr(found, "data"):
            out.append(found.data)
    return b"".join(out)


@pytest.mark.parametrize(
    ("named", "total", "said"),
    [
        (12, 12, "12 members approved this letter; all of them are named here."),
        (11, 12, "1 further member approved and is not named in this edition."),
        (0, 12, "12 members approved this letter; none of them is named in this edition."),
    ],
)
def test_the_count_in_words(named, total, said):
    record = projection(members=MEMBERS[:named], total=total, schedule=table([]))
    assert said in text_of(letter_pdf(record, table([])))


def test_demands_stay_with_their_numbers_and_deadlines():
    for fill in range(0, 30, 3):
        record, schedule = sample(languages=("en",))
        record["sections"]["en"][0]["blocks"][0]["text"] += " And more of it." * fill
        for page in pages_of(letter_pdf(record, schedule), "-layout"):
            for number, text in ((1, "Stop generating"), (2, "Disclose whether"), (3, "Enter into talks")):
                if text in page:
                    line = next(line for line in page.split("\n") if text in line)
                    assert line.split()[0] == f"{number}."
            assert page.count("By 18 December 2026.") == ("Stop generating" in page) + (
                "Disclose whether" in page
            )


def test_no_heading_is_stranded():
    headings = {"Who we are", "What has happened", "The law", "What we ask", "Reservation and talks"}
    for fill in range(0, 60, 2):
        record, schedule = sample(languages=("en",))
        record["sections"]["en"][0]["blocks"][0]["text"] += " And more of it." * fill
        for page in pages_of(letter_pdf(record, schedule), "-layout"):
            lines = [line.strip() for line in page.split("\n") if line.strip()]
            body = [line for line in lines if not line.startswith("Addressee edition")]
            assert body[-1] not in headings
            assert body[-1] != "We therefore ask your company:"


def test_each_page_says_which_it_is_of_how_many():
    pages = pages_of(letter())
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "FCA-2026-0001" in page
        assert "Addressee edition / 宛先版" in page


def test_both_parts_begin_a_page_and_say_which_language_prevails():
    pages = pages_of(letter(languages=("ja", "en")))
    english = next(page for page in pages if "Re:" in page and "Who we are" in page)
    assert "Example Motion Labs, Inc." in english
    text = squeezed("".join(pages))
    assert squeezed("相違がある場合は、日本語の文面が優先します。") in text
    assert squeezed("the Japanese text prevails.") in text
    assert "prevails" not in text_of(letter(languages=("en",)))


def test_a_rehearsal_says_so_on_every_page_and_in_its_metadata():
    pdf = letter(rehearsal=True)
    for page in pages_of(pdf):
        assert "予行 / REHEARSAL" in page
        assert "this is not a letter" in page
    assert "REHEARSAL" in PdfFileReader(io.BytesIO(pdf)).trailer["/Info"]["/Title"]
    assert "REHEARSAL" not in text_of(letter())


def test_the_rehearsals_mark_is_not_mixed_into_the_text():
    plain, stamped = (
        squeezed(text_of(letter(rehearsal=flag, languages=("en",)), "-raw")) for flag in (False, True)
    )
    for paragraph in (
        "We write on behalf of the companies and associations named",
        "Nothing in this letter is a waiver",
    ):
        assert squeezed(paragraph) in plain
        assert squeezed(paragraph) in stamped


@pytest.mark.parametrize(
    ("seal", "said"),
    [
        (
            {"self_made": True, "timestamped": False},
            ["made by the association itself", "no time-stamp of a third party"],
        ),
        ({"self_made": False, "timestamped": True}, ["carries a time-stamp of a third party"]),
    ],
)
def test_the_last_page_says_what_the_seal_is_and_is_not(seal, said):
    record, schedule = sample(languages=("en",))
    record["seal"] |= seal
    last = squeezed(pages_of(letter_pdf(record, schedule))[-1])
    for words in said:
        assert squeezed(words) in last
    assert ("itself" in last) == seal["self_made"]


def test_the_record_and_the_schedule_are_embedded_as_they_are():
    record, schedule = sample(edition="public")
    root = PdfFileReader(io.BytesIO(letter_pdf(record, schedule))).root
    names = root["/Names"]["/EmbeddedFiles"]["/Names"]
    assert [names[0], names[2]] == ["record.public.json", "schedule.public.csv"]
    assert names[1]["/EF"]["/F"].data == canonical(record)
    assert json.loads(names[1]["/EF"]["/F"].data) == record
    assert names[3]["/EF"]["/F"].data == schedule


def test_same_projection_same_bytes_in_another_process():
    code = (
        "import hashlib; from tests.paper.examples import sample; from portal.letters.layout import letter_pdf;"
        "print(hashlib.sha256(letter_pdf(*sample(rehearsal=True))).hexdigest())"
    )
    seen = set()
    for seed, epoch in (("0", "1"), ("4242", "1795219200")):
        env = {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": epoch, "TZ": "Asia/Tokyo", "PATH": ""}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, check=True, env=env, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        seen.add(done.stdout.strip())
    assert seen == {hashlib.sha256(letter(rehearsal=True)).hexdigest()}


def test_another_projection_other_bytes():
    record, schedule = sample()
    first = letter_pdf(record, schedule)
    record["signatories"]["named"][0]["names"]["en"] += "."
    assert letter_pdf(record, schedule) != first


MARKUP = '<b>A</b> & <img src="/etc/passwd"/> {x} %s (\\) ]]>'


def test_markup_in_names_and_texts_is_text():
    record, schedule = sample(languages=("en",))
    record["signatories"]["named"][0]["names"] = {"en": MARKUP, "ja": MARKUP}
    record["sections"]["en"][0]["blocks"][0]["text"] = MARKUP
    record["addressee"]["names"]["en"] = MARKUP
    assert squeezed(text_of(letter_pdf(record, schedule))).count(squeezed(MARKUP)) >= 3


@pytest.mark.parametrize(
    ("bad", "kind"),
    [("Acme 🎬 Inc.", MissingGlyph), ("Acme \u202e.cnI", UnprintableText), ("Acme\0Inc.", UnprintableText)],
)
@pytest.mark.parametrize(
    "where", ["member", "text", "addressee", "title", "association", "officer", "exhibit", "log"]
)
def test_what_cannot_be_printed_stops_the_letter_with_the_string_named(where, bad, kind):
    record, schedule = sample()
    if where == "member":
        record["signatories"]["named"][3]["names"]["en"] = bad
    elif where == "text":
        record["sections"]["ja"][1]["blocks"][0]["text"] = bad
    elif where in {"addressee", "association"}:
        record[where]["names"]["en"] = bad
    elif where == "officer":
        record["countersignatures"][0]["names"]["en"] = bad
    elif where == "exhibit":
        record["exhibits"][0]["title"]["en"] = bad
    elif where == "log":
        record["log"]["origin"] = bad
    else:
        schedule = table([["1", "Aoba", "あおば", bad, "", "", "tv", "1999", ""]])
    with pytest.raises(kind) as caught:
        letter_pdf(record, schedule)
    assert bad in caught.value.text


def test_very_long_names_are_wrapped_and_complete():
    long = "株式会社" + "とても長い名称の架空の映像製作委員会" * 12
    record, schedule = sample()
    record["signatories"]["named"][0]["names"] = {"ja": long, "en": "Very Long Fictional Name " * 20 + "Inc."}
    record["addressee"]["names"]["en"] = "Extraordinarily Long Addressee Name " * 9 + "LLC"
    record["association"]["names"]["ja"] = "とても長い名称の架空の団体の連合会" * 4
    record["delivery"]["en"] = "By courier and by every other means known to the secretariat, " * 4
    assert squeezed(long) in squeezed(text_of(letter_pdf(record, schedule), "-raw"))


def test_little_is_needed():
    """What a record may leave empty, the letter does without."""
    record = projection(languages=("en",), schedule=table([]), exhibits=0)
    record["addressee"] = {
        "names": {"en": "Example Motion Labs, Inc."},
        "office": None,
        "person": None,
        "address": {},
    }
    record["countersignatures"] = []
    text = text_of(letter_pdf(record, table([])))
    assert "No work is listed by name in this edition." in text
    assert "Annex B" not in text


def test_another_layout_or_schedule_is_refused():
    record, schedule = sample()
    with pytest.raises(ValueError, match="version 2"):
        letter_pdf(record | {"layout": 2}, schedule)
    with pytest.raises(ValueError, match="schedule"):
        letter_pdf(record, b"a,b\r\n1,2\r\n")


@pytest.mark.shared
def test_real_names_and_titles_come_back(shared_data):
    import csv

    members = list(csv.DictReader((shared_data / "catalogue/members.csv").open(encoding="utf-8")))
    rows = []
    for member in members:
        with (shared_data / f"catalogue/works/{member['slug']}.csv").open(encoding="utf-8") as file:
            for work in csv.DictReader(file):
                titles = [work["title"], work["title_japanese"], work["title_english"]]
                rows.append(
                    [
                        str(len(rows) + 1),
                        member["name_en"],
                        member["name_ja"],
                        *titles,
                        "tv",
                        work["aired_from"][:4],
                        "",
                    ]
                )
    schedule = table(rows)
    named = [(member["name_ja"], member["name_en"], member["category"]) for member in members]
    read = squeezed(
        text_of(letter_pdf(projection(members=named, schedule=schedule, rehearsal=True), schedule), "-raw")
    )
    for japanese, english, _ in named:
        assert squeezed(japanese) in read
        assert squeezed(english) in read
    # A title that stands on one line comes back whole; a wrapped one has its neighbours' lines between.
    whole = sum(squeezed(title) in read for row in rows for title in row[3:5])
    assert whole > 0.97 * sum(len(row[3:5]) for row in rows)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_line_is_read_back_character_by_character_with_its_own_spaces(language):
    """Justification widens no gap so far that a reader takes it for a space."""
    record, schedule = sample(languages=(language,))
    headings = {section["heading"] for section in record["sections"][language]}
    text = "\n".join(block["text"] for section in record["sections"][language] for block in section["blocks"])
    for line in text_of(letter_pdf(record, schedule), "-raw").split("\n"):
        shown = re.sub(r"^\d\. ?", "", line)  # the number of a demand
        if shown and shown not in headings:
            text = text.replace(shown, "", 1)
    assert text.strip() == ""
