"""The whole job as one command: what it writes, what it says, and what it leaves alone."""

import csv
import io
import json
import re
import subprocess
import unicodedata
from pathlib import Path

import pytest

from portal import db
from portal.kernel.digest import canonical
from portal.kernel.errors import Conflict, Invalid
from portal.letters.layout import letter_pdf
from portal.letters.verification import verify_bytes
from portal.notifications import mailer
from portal.rehearsal.inputs import EXAMPLE
from tests.paper.reading import tool

from .files import (
    ALL_FILES,
    EDITIONS,
    IN_ORDER,
    MEMBERS,
    Inputs,
    portal,
    rehearse,
    verify_offline,
    write_inputs,
)


def text_of(pdf: Path) -> str:
    return subprocess.run([tool("pdftotext"), pdf, "-"], capture_output=True, text=True, check=True).stdout


def signatures_of(pdf: Path) -> str:
    return subprocess.run([tool("pdfsig"), "-nocert", pdf], capture_output=True, text=True, check=True).stdout


def record_of(out: Path, edition: str) -> dict:
    return json.loads((out / f"record.{edition}.json").read_bytes())


def schedule_of(out: Path, edition: str) -> list[dict]:
    return list(
        csv.DictReader(io.StringIO((out / f"schedule.{edition}.csv").read_bytes().decode(), newline=""))
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, subprocess.CompletedProcess[str]]:
    """A rehearsal of everybody, on the real command line, in a folder where an earlier run's files lie."""
    given = write_inputs(tmp_path_factory.mktemp("rehearsal"))
    (given.out / "outbox").mkdir(parents=True)
    (given.out / "outbox" / "of-an-earlier-run.eml").write_text("old")
    (given.out / "letter.public.pdf").write_text("old")
    (given.out / "notes.txt").write_text("mine")
    return given, portal(given.folder / "var", "rehearse", given.members, given.works, given.out)


@pytest.fixture(scope="module")
def out(done) -> Path:
    given, run = done
    assert run.returncode == 0, run.stdout + run.stderr
    return given.out


@pytest.fixture
def given(tmp_path: Path) -> Inputs:
    return write_inputs(tmp_path)


# --- what is written ------------------------------------------------------------------------------


def test_it_writes_exactly_the_files_of_one_run_and_leaves_other_files_alone(out):
    assert {path.name for path in out.iterdir()} == {*ALL_FILES, "notes.txt"}
    assert (out / "notes.txt").read_text() == "mine"
    mails = sorted(path.name for path in (out / "outbox").iterdir())
    assert mails
    assert "of-an-earlier-run.eml" not in mails
    assert all(name.endswith(".eml") for name in mails)


def test_it_says_phases_counts_and_seconds_without_control_characters_in_a_log(done):
    _, run = done
    assert not [c for c in run.stdout + run.stderr if unicodedata.category(c) == "Cc" and c != "\n"]
    lines = run.stdout.splitlines()
    assert "Members and invitations: 4" in lines
    assert "Sign-offs: 4" in lines
    assert re.search(r"phase.*count.*seconds", run.stdout)
    assert re.search(r"Jointly owned works\W+1\W+\d+\.\d\d", run.stdout)
    assert "public edition: FCA-R-" in run.stdout
    assert "4 of 4 members named, 5 works: This file is a genuine rehearsal." in run.stdout


@pytest.mark.parametrize("edition", EDITIONS)
def test_everything_says_that_it_is_a_rehearsal(out, edition):
    pages = text_of(out / f"letter.{edition}.pdf").split("\f")[:-1]
    assert len(pages) >= 5
    for number, page in enumerate(pages, 1):
        assert {"REHEARSAL", "予行"} <= set(re.findall(r"REHEARSAL|予行", page)), f"page {number}"
    record = record_of(out, edition)
    assert record["rehearsal"] is True
    assert "-R-" in record["reference"]
    assert record["edition"] == edition
    assert record["log"]["origin"].endswith("/rehearsal")
    assert "REHEARSAL 予行" in reason_of(out / f"letter.{edition}.pdf")
    for name in ("checkpoint", "log.vkey", f"letter.{edition}.tlog-proof"):
        assert "/log/rehearsal" in (out / name).read_text()


def reason_of(pdf: Path) -> str:
    """The signature's reason, as a reader of PDF files that is not ours finds it."""
    shown = subprocess.run(
        [tool("qpdf"), "--json=2", "--json-key=qpdf", pdf], capture_output=True, check=True
    ).stdout
    objects = json.loads(shown)["qpdf"][1].values()
    (seal,) = [
        one["value"] for one in objects if isinstance(one.get("value"), dict) and "/ByteRange" in one["value"]
    ]
    return seal["/Reason"]


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_members_stand_in_both_scripts_in_the_declared_order(out, edition):
    named = record_of(out, edition)["signatories"]["named"]
    names = {row["slug"]: (row["name_ja"], row["name_en"]) for row in csv.DictReader(io.StringIO(MEMBERS))}
    assert [(one["names"]["ja"], one["names"]["en"]) for one in named] == [names[slug] for slug in IN_ORDER]
    text = "".join(text_of(out / f"letter.{edition}.pdf").split())
    assert all("".join(name.split()) in text for pair in names.values() for name in pair)


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_work_of_two_stands_once_under_both(out, edition):
    rows = schedule_of(out, edition)
    assert sorted(row["title"] for row in rows) == sorted(
        ["ねこ町郵便局", "霧の灯台守", "髙橋さんの塔", "ほうき星の台所", "Le Phare aux œufs d'été"]
    )
    (joint,) = [row for row in rows if row["title"] == "霧の灯台守"]
    assert joint["owners_ja"] == "髙橋映像株式会社 | 𠮷田アニメーション合同会社"
    assert joint["owners_en"] == "Takahashi Eizo Inc. | Yoshida Animation Studio"


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_files_beside_the_letter_are_the_ones_in_it(out, edition):
    pdf = out / f"letter.{edition}.pdf"
    for name in (f"record.{edition}.json", f"schedule.{edition}.csv"):
        shown = subprocess.run(
            [tool("qpdf"), f"--show-attachment={name}", pdf], capture_output=True, check=True
        )
        assert shown.stdout == (out / name).read_bytes()
    assert (
        (out / f"letter.{edition}.tlog-proof").read_text().endswith("\n\n" + (out / "checkpoint").read_text())
    )


@pytest.mark.parametrize("edition", EDITIONS)
def test_pdfsig_says_valid_and_total(out, edition):
    said = signatures_of(out / f"letter.{edition}.pdf")
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert said.count("Signature #") == 1


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_command_accepts_both_letters_and_says_that_they_are_rehearsals(out, edition, tmp_path):
    said = verify_offline(tmp_path, out / f"letter.{edition}.pdf", out, edition)
    assert said.returncode == 0, said
    assert said.stdout.startswith("This file is a genuine rehearsal. It is not a letter")


def test_the_public_letter_does_not_pass_with_the_proof_of_another_rehearsal(out, given, tmp_path):
    assert rehearse(given)
    other = verify_offline(tmp_path, out / "letter.public.pdf", given.out, "public")
    assert other.returncode == 1
    assert "not genuine" in other.stdout


# --- the input decides ----------------------------------------------------------------------------


def test_below_the_quorum_there_is_no_letter_and_the_sentence_says_what_is_missing(given):
    assert rehearse(given)  # an earlier run, whose letter must not be taken for this one's
    run = portal(given.folder / "var", "rehearse", given.members, given.works, given.out, "--approve", 2)
    assert run.returncode == 1
    assert "The quorum is not reached, so there is no letter. Missing:" in run.stderr
    assert re.search(r"Missing: .*\b1\b", run.stderr), run.stderr
    assert "Traceback" not in run.stderr
    assert "Sign-offs: 2" in run.stdout
    assert "phase" in run.stdout
    assert not list(given.out.rglob("*.*"))


def test_only_the_first_approve_and_who_did_not_is_nowhere_in_the_letter(given):
    assert rehearse(given, approve=3, quorum="1/2")  # yoshida, takahashi, yamazaki
    for edition in EDITIONS:
        record = record_of(given.out, edition)
        assert record["signatories"]["total"] == 3
        assert record["quorum"]["tally"]["unanswered"] == 1
        assert "Éclair" not in (given.out / f"record.{edition}.json").read_text()
        assert "œufs" not in (given.out / f"schedule.{edition}.csv").read_text()


def test_a_joint_work_of_one_who_did_not_approve_names_only_the_other_or_nobody(given):
    """One owner may not put the other's name into a letter."""
    assert rehearse(given, approve=1, quorum="1")  # yoshida alone; takahashi owns one of its works too
    rows = schedule_of(given.out, "public")
    assert "ねこ町郵便局" in {row["title"] for row in rows}
    assert "Takahashi" not in (given.out / "schedule.public.csv").read_text()


CATEGORIES = '[condition]\nkind = "all"\nof = [{ kind = "share", at_least = "1/2", of = "roll", by = "members" }, { kind = "must_include", members = ["%s"] }]\n'


@pytest.mark.parametrize(
    ("rule", "approve", "reached"),
    [
        ("2/3", 3, True), ("75%", 2, False), ("3", 3, True), ("two thirds", 2, False), ("unanimity", 4, True), ("unanimity", 3, False),
        ('{"kind": "category_at_least", "category": "publishing", "at_least": 1}', 2, False),
    ],
)  # fmt: skip
def test_the_rule_may_be_a_fraction_a_preset_a_number_or_json(given, rule, approve, reached):
    if reached:
        assert rehearse(given, quorum=rule, approve=approve)
        return
    with pytest.raises(Conflict) as refused:
        rehearse(given, quorum=rule, approve=approve)
    assert "Missing" in str(refused.value)
    assert not given.out.exists()


@pytest.mark.parametrize(("member", "reached"), [("yoshida", True), ("eclair", False)])
@pytest.mark.parametrize("kind", ["toml", "json"])
def test_a_rule_file_names_members_by_their_code(given, kind, member, reached):
    import tomllib

    text = CATEGORIES % member
    path = given.folder / f"rule.{kind}"
    path.write_text(text if kind == "toml" else json.dumps(tomllib.loads(text)))
    if reached:
        assert rehearse(given, quorum=str(path), approve=2)
        return
    with pytest.raises(Conflict, match=r"ステュディオ・エクレール・デトワール|Éclair"):
        rehearse(given, quorum=str(path), approve=2)


def spoil(given: Inputs, what: str) -> dict:
    """Break one input; the arguments that go with it."""
    if what == "no members file":
        given.members.unlink()
    elif what == "members is a folder":
        given.members.unlink()
        given.members.mkdir()
    elif what == "members is a picture":
        given.members.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    elif what == "a member without a name":
        given.members.write_text(MEMBERS.replace("Takahashi Eizo Inc.,髙橋映像株式会社", ","))
    elif what == "a member without a code":
        given.members.write_text(MEMBERS.replace("takahashi,", ","))
    elif what == "a bad address":
        given.members.write_text(MEMBERS.replace("legal@yoshida.example", "legal at yoshida"))
    elif what == "only the header":
        given.members.write_text(MEMBERS.splitlines()[0] + "\n")
    elif what == "no works folder":
        return {"works": given.folder / "nowhere"}
    elif what == "a list is missing":
        (given.works / "yamazaki.csv").unlink()
    elif what == "a bad year":
        (given.works / "yoshida.csv").write_text("題名,英題,種別,発表年\n\nねこ町,Cat,テレビ,20x9\n")
    elif what == "no title column":
        (given.works / "eclair.csv").write_text("a,b\n1,2\n")
    elif what == "a list without works":
        (given.works / "eclair.csv").write_text("Title,Kind,Year\n")
    elif what == "a title that no typeface has":
        (given.works / "eclair.csv").write_text("Kind,Title\nfilm,A \N{CLAPPER BOARD} film\n")
    elif what == "a name that no typeface has":
        given.members.write_text(MEMBERS.replace("Takahashi Eizo", "Takahashi \N{CLAPPER BOARD}"))
    elif what == "no brief file":
        return {"brief": given.folder / "nowhere.toml"}
    elif what in {"the brief is no TOML", "the brief lacks its demands", "no clauses for the law"}:
        text = (EXAMPLE / "brief.toml").read_text()
        text = {
            "the brief is no TOML": text.replace('prevails = "ja"', "prevails = ja"),
            "the brief lacks its demands": re.sub(
                r"\[\[demands\]\].*?(?=\n\[\[(?!demands)|\Z)", "", text, flags=re.DOTALL
            ),
            "no clauses for the law": text.replace('jurisdiction = "jp"', 'jurisdiction = "zz"'),
        }[what]
        (given.folder / "brief.toml").write_text(text)
        return {"brief": given.folder / "brief.toml"}
    elif what == "no rule file":
        return {"quorum": str(given.folder / "nowhere.toml")}
    elif what == "no rule at all":
        return {"quorum": "most of them"}
    elif what == "the rule names a stranger":
        (given.folder / "rule.toml").write_text(CATEGORIES % "nobody")
        return {"quorum": str(given.folder / "rule.toml")}
    elif what == "the output is a file":
        given.out.write_text("mine")
    else:
        raise AssertionError(what)
    return {}


BAD = {
    "no members file": ("members.csv", "cannot be read"),
    "members is a folder": ("members.csv", "cannot be read"),
    "members is a picture": ("members.csv", "line 1"),
    "a member without a name": ("members.csv", "line 3", "column"),
    "a member without a code": ("members.csv", "line 3", "code"),
    "a bad address": ("members.csv", "line 2", "column contact_email"),
    "only the header": ("members.csv", "no member"),
    "no works folder": ("nowhere", "no such folder"),
    "a list is missing": ("yamazaki.csv", "no works list"),
    "a bad year": ("yoshida.csv", "line 3", "column 発表年", "20x9"),
    "no title column": ("eclair.csv", "line 1, column 1", "column names"),
    "a list without works": ("eclair.csv", "line 2", "no row"),
    "a title that no typeface has": ("eclair.csv", "line 2", "column Title", "U+1F3AC"),
    "a name that no typeface has": ("members.csv", "line 3", "U+1F3AC"),
    "no brief file": ("nowhere.toml", "cannot be read"),
    "the brief is no TOML": ("brief.toml", "line 9", "TOML"),
    "the brief lacks its demands": ("brief.toml", "demands"),
    "no clauses for the law": ("brief.toml", "jurisdiction"),
    "no rule file": ("nowhere.toml", "cannot be read"),
    "no rule at all": ("most of them",),
    "the rule names a stranger": ("rule.toml", "nobody"),
    "the output is a file": ("out", "folder"),
}


@pytest.mark.parametrize(("what", "said"), BAD.items())
def test_input_that_cannot_be_used_stops_it_before_anything_runs(given, what, said, monkeypatch):
    more = spoil(given, what)
    before = {path: path.read_bytes() for path in given.folder.rglob("*") if path.is_file()}
    monkeypatch.setattr("portal.rehearsal.rehearsal._open", lambda *_: pytest.fail("it ran"))
    with pytest.raises(Invalid) as refused:
        rehearse(given, **more)
    text = "\n".join(f"{one.where}: {one.sentence}" for one in refused.value.problems)
    assert text
    for words in said:
        assert words in text
    assert {path: path.read_bytes() for path in given.folder.rglob("*") if path.is_file()} == before


def test_the_command_says_file_line_column_and_reason_and_ends_with_1(given):
    (given.works / "yoshida.csv").write_text("題名,英題,種別,発表年\nねこ町,Cat,テレビ,20x9\n,,映画,2010\n")
    run = portal(given.folder / "var", "rehearse", given.members, given.works, given.out)
    assert run.returncode == 1
    assert run.stdout == ""
    first, *rest = run.stderr.splitlines()
    assert first == "The works lists cannot be used; nothing was done."
    assert len(rest) == 2
    assert rest[0].startswith(f"  {given.works}/yoshida.csv, line 2, column 発表年: ")
    assert "20x9" in rest[0]
    assert rest[1].startswith(f"  {given.works}/yoshida.csv, line 3, column 題名: ")
    assert not given.out.exists()


def test_a_letter_that_cannot_be_made_is_no_success(given, monkeypatch):
    """What the worker would try again later must end a rehearsal, with the reason."""

    def fails(*_):
        raise ValueError("No typeface here has the character U+1F3AC of “A film”.")

    monkeypatch.setattr("portal.letters.issuing.letter_pdf", fails)
    with pytest.raises(Conflict, match=r"The letter cannot be made: No typeface .* of “A film”"):
        rehearse(given)
    assert not given.out.exists()


def test_a_letter_that_fails_our_own_check_is_no_success(given, monkeypatch, capsys):
    from portal.letters.seal import seal_pdf

    monkeypatch.setattr("portal.letters.issuing.seal_pdf", lambda *args, **kw: seal_pdf(*args, **kw) + b"\n")
    assert rehearse(given) is False
    assert "not genuine" in capsys.readouterr().out


def test_a_full_disk_leaves_what_was_there(given, monkeypatch):
    assert rehearse(given)
    before = {path: path.read_bytes() for path in given.out.rglob("*") if path.is_file()}

    def full(*_args, **_kw):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("portal.rehearsal.output.shutil.copytree", full)
    with pytest.raises(Conflict, match="No space left"):
        rehearse(given)
    assert {path: path.read_bytes() for path in given.out.rglob("*") if path.is_file()} == before


def test_the_installation_in_use_stays_in_use(given, sqlite_database):
    mine = mailer.Mailer(None, "a@b.example", "http://localhost", "k" * 32)
    mailer.configure(mine)
    try:
        assert rehearse(given, order="alphabetical")
        assert db.current() is sqlite_database
        assert mailer.current() is mine
    finally:
        mailer.configure(None)
    assert record_of(given.out, "public")["order"]["rule"] == "alphabetical"


# --- the real catalogue ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def catalogue(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogue")
    given = shared_data / "catalogue"
    run = portal(
        folder / "var", "rehearse", given / "members.csv", given / "works", folder / "out", seconds=240
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "36 of 36 members named, 2030 works" in run.stdout
    return folder / "out"


SMALL = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")
VOWELS = {
    "ア": "アカサタナハマヤラワ", "イ": "イキシチニヒミリ", "ウ": "ウクスツヌフムユル", "エ": "エケセテネヘメレ",
    "オ": "オコソトノホモヨロヲ",
}  # fmt: skip


def by_reading(reading: str) -> str:
    """A first-level gojūon key: without voicing marks, small kana as large ones, ー as the vowel before it."""
    plain = "".join(
        c
        for c in unicodedata.normalize("NFD", unicodedata.normalize("NFKC", reading))
        if c not in "\u3099\u309a"
    )
    key = ""
    for char in plain.translate(SMALL):
        if char == "ー":
            key += next(vowel for vowel, row in VOWELS.items() if key[-1] in row)
        elif unicodedata.category(char).startswith("L"):
            key += char
    return key


@pytest.mark.shared
def test_the_catalogue_names_all_companies_in_both_scripts_in_the_declared_order(catalogue, shared_data):
    with (shared_data / "catalogue" / "members.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    expected = [
        (row["name_ja"], row["name_en"]) for row in sorted(rows, key=lambda row: by_reading(row["name_kana"]))
    ]
    text = "".join(text_of(catalogue / "letter.addressee.pdf").split())
    for edition in EDITIONS:
        record = record_of(catalogue, edition)
        named = record["signatories"]["named"]
        assert [(one["names"]["ja"], one["names"]["en"]) for one in named] == expected
        assert [one["position"] for one in named] == list(range(1, 37))
        assert record["signatories"]["total"] == 36
        assert record["order"]["rule"] == "gojuon"
    for ja, en in expected:
        assert "".join(ja.split()) in text
        assert "".join(en.split()) in text


@pytest.mark.shared
def test_the_catalogue_is_listed_whole_each_work_once(catalogue, shared_data):
    given: dict[str, set[str]] = {}
    rows = 0
    with (shared_data / "catalogue" / "members.csv").open(encoding="utf-8-sig", newline="") as file:
        names = {row["slug"]: row["name_en"] for row in csv.DictReader(file)}
    for slug, name in names.items():
        with (shared_data / "catalogue" / "works" / f"{slug}.csv").open(
            encoding="utf-8-sig", newline=""
        ) as file:
            for row in csv.DictReader(file):
                rows += 1
                given.setdefault(row["catalogue_url"], set()).add(name)
    assert (rows, len(given), sum(len(owners) == 2 for owners in given.values())) == (2070, 2030, 40)
    for edition in EDITIONS:
        listed = schedule_of(catalogue, edition)
        assert len(listed) == 2030
        assert [int(row["number"]) for row in listed] == list(range(1, 2031))
        assert sum(" | " in row["owners_en"] for row in listed) == 40
        owners = sorted(sorted(row["owners_en"].split(" | ")) for row in listed)
        assert owners == sorted(sorted(one) for one in given.values())
        record = record_of(catalogue, edition)
        assert record["schedule"]["works"] == 2030
        assert sum(record["schedule"]["by_kind"].values()) == 2030


@pytest.mark.shared
@pytest.mark.parametrize("edition", EDITIONS)
def test_the_catalogues_letter_is_signed_in_total_and_stamped_on_every_page(catalogue, edition):
    pdf = catalogue / f"letter.{edition}.pdf"
    said = signatures_of(pdf)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    pages = text_of(pdf).split("\f")[:-1]
    assert len(pages) > 50
    assert all("REHEARSAL" in page for page in pages)


@pytest.mark.shared
@pytest.mark.parametrize("edition", EDITIONS)
def test_the_catalogues_letter_is_accepted_and_a_copy_with_one_byte_changed_or_more_is_not(
    catalogue, edition, tmp_path
):
    genuine = verify_offline(tmp_path, catalogue / f"letter.{edition}.pdf", catalogue, edition)
    assert genuine.returncode == 0, genuine.stdout + genuine.stderr
    data = (catalogue / f"letter.{edition}.pdf").read_bytes()
    hole = [int(n) for n in re.findall(rb"/ByteRange\s*\[\s*0 (\d+) (\d+)", data)[-1]]
    places = [round(n * (len(data) - 1) / 14) for n in range(15)]  # the first byte and the last among them
    places += [hole[0] + 1, hole[0] + 200, (hole[0] + hole[1]) // 2, hole[1] - 2, hole[1] - 1]
    copies = {
        f"byte {place}": data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in places
    }
    copies |= {"a byte more": data + b"\n", "a byte less": data[:-1]}
    assert len(copies) >= 22
    made: dict[tuple[bytes, bytes], bytes] = {}

    def render(projection, schedule: bytes) -> bytes:
        """The layout, once for each record: it is a pure function, and most copies have the genuine one."""
        key = (canonical(dict(projection)), schedule)
        if key not in made:
            made[key] = letter_pdf(projection, schedule)
        return made[key]

    def is_genuine(changed: bytes) -> bool:
        return verify_bytes(
            changed, certificate_pem=(catalogue / "seal.pem").read_text(), log_vkey=(catalogue / "log.vkey").read_text(),
            proof_text=(catalogue / f"letter.{edition}.tlog-proof").read_text(), render=render,
        ).genuine  # fmt: skip

    assert is_genuine(data)
    assert not any(changed == data for changed in copies.values())
    assert [what for what, changed in copies.items() if is_genuine(changed)] == []
    for what in ("a byte more", f"byte {hole[0] + 200}"):
        (tmp_path / "copy.pdf").write_bytes(copies[what])
        altered = verify_offline(tmp_path, tmp_path / "copy.pdf", catalogue, edition)
        assert altered.returncode == 1
        assert "not genuine" in altered.stdout
