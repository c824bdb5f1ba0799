"""The pages after the letter is out, clicked through; and the public pages of a published letter."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from portal import db
from portal.kernel.act import system_act
from tests.correspondence.conftest import SEALED, LetterOut, fill
from tests.whole.proof import page, text_of
from tests.whole.small import seated, small_app, submit

SYSTEM = system_act(datetime(2026, 12, 2, tzinfo=UTC))


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with small_app(tmp_path, sqlite_template) as made:
        yield made


@pytest.fixture
def out(app: Flask) -> LetterOut:
    return fill()


def shown(answer) -> str:
    assert answer.status_code == 200, answer.text
    return text_of(page(answer.text))


def publish(app: Flask, out: LetterOut, state: str = "published", reason: str | None = None) -> None:
    app.extensions["rensho-house"].files.put(SEALED["public"])

    def write(session, _act) -> None:
        session.execute(
            sa.text(
                "UPDATE letter_issue SET state = :state, published_at = '2026-12-01T00:00:00.000000Z', end_reason = :reason WHERE id = :id"
            ),
            {"state": state, "reason": reason, "id": out.issue_id},
        )

    db.run(write, SYSTEM)


def test_a_delivery_and_a_response(app: Flask, out: LetterOut) -> None:
    staff, member = seated(app, out.staff), seated(app, out.one)
    home = f"/campaigns/{out.campaign_id}/correspondence"
    assert "Not delivered yet." in shown(staff.get(home))
    made = submit(
        staff,
        f"/issues/{out.issue_id}/deliveries/new",
        channel="courier",
        to_text="1 Example Street",
        note="by Hanako",
    )
    assert made.status_code == 303
    delivery = made.headers["Location"]
    assert "Prepared" in shown(staff.get(delivery))
    assert (
        submit(
            staff, f"{delivery}/dispatch", on=delivery, at="2026-11-01T10:00", tracking="123-456"
        ).status_code
        == 303
    )
    assert submit(staff, f"{delivery}/confirm", on=delivery, at="2999-01-01T10:00").status_code == 422
    assert submit(staff, f"{delivery}/confirm", on=delivery, at="").status_code == 422
    receipt = (io.BytesIO("受領".encode()), "受領書.pdf")
    assert (
        submit(staff, f"{delivery}/confirm", on=delivery, at="2026-11-02T10:00", proof=receipt).status_code
        == 303
    )
    seen = shown(member.get(home))
    assert "Confirmed" in seen
    assert "123-456" in seen
    assert "by Hanako" not in seen
    proof = member.get(f"{delivery}/proof")
    assert proof.data == "受領".encode()
    assert proof.headers["Content-Disposition"].startswith("attachment")
    assert proof.mimetype == "application/octet-stream"
    assert member.get(delivery).status_code == 403

    new = f"/issues/{out.issue_id}/responses/new"
    partly = {"received_at": "2026-11-20T10:00", "from_text": "Prompt Pictures", "summary": "In part."}
    assert submit(staff, new, **partly, demand_1="partly").status_code == 422
    assert submit(staff, new, **partly, demand_1="partly", demand_2="refused").status_code == 303
    seen = shown(member.get(home))
    assert "Met in part" in seen
    assert "Refused" in seen


def test_failed_delivery(app: Flask, out: LetterOut) -> None:
    staff = seated(app, out.staff)
    delivery = submit(staff, f"/issues/{out.issue_id}/deliveries/new", channel="email", to_text="x").headers[
        "Location"
    ]
    submit(staff, f"{delivery}/dispatch", on=delivery, at="2026-11-01T10:00")
    assert (
        submit(staff, f"{delivery}/fail", on=delivery, at="2026-11-01T11:00", note="Returned.").status_code
        == 303
    )
    assert "Failed" in shown(staff.get(delivery))


def test_an_inquiry(app: Flask, out: LetterOut) -> None:
    staff, member, other = (seated(app, act) for act in (out.staff, out.one, out.other))
    new = f"/campaigns/{out.campaign_id}/inquiries/new"
    assert submit(member, new, text="Our hero.", url="javascript:alert(1)").status_code == 422
    made = submit(member, new, text="Our hero.", url="https://video.example/1")
    inquiry = made.headers["Location"]
    assert other.get(inquiry).status_code == 404
    assert "Our hero." not in shown(other.get(f"/campaigns/{out.campaign_id}/correspondence"))
    assert submit(staff, f"{inquiry}/forward", on=inquiry).status_code == 303
    assert submit(staff, f"{inquiry}/answer", on=inquiry, answer="").status_code == 422
    assert submit(staff, f"{inquiry}/answer", on=inquiry, answer="They removed it.").status_code == 303
    assert "They removed it." in shown(member.get(inquiry))


@pytest.mark.parametrize("who", ["declined", "stranger"])
def test_who_does_not_take_part(app: Flask, out: LetterOut, who: str) -> None:
    client = seated(app, getattr(out, who))
    assert client.get(f"/campaigns/{out.campaign_id}/correspondence").status_code == 404
    assert client.get(f"/campaigns/{out.campaign_id}/inquiries/new").status_code == 404


# --- published letters ----------------------------------------------------------------------------


def test_what_is_not_published_is_not_there(app: Flask, out: LetterOut) -> None:
    stranger = app.test_client()
    assert "No letter has been published yet." in shown(stranger.get("/letters"))
    for address in ("/letters/ABC-2026-0001", "/letters/ABC-2026-0001/letter.public.pdf", "/letters/none"):
        assert stranger.get(address).status_code == 404


def test_a_published_letter(app: Flask, out: LetterOut) -> None:
    publish(app, out)
    stranger = app.test_client()
    assert "ABC-2026-0001" in shown(stranger.get("/letters"))
    english = stranger.get("/letters/ABC-2026-0001?in=en")
    seen = shown(english)
    assert "Stop." in seen
    assert "36 members agreed" in seen
    assert "株式会社髙橋映像" in seen
    article = page(english.text).find(".//article")
    assert article is not None
    assert article.get("lang") == "en"
    japanese = shown(stranger.get("/letters/ABC-2026-0001?in=ja"))
    assert "停止すること。" in japanese
    assert "Stop." not in japanese
    assert stranger.get("/letters/ABC-2026-0001?in=xx").status_code == 200
    pdf = stranger.get("/letters/ABC-2026-0001/letter.public.pdf")
    assert (pdf.data, pdf.mimetype) == (SEALED["public"], "application/pdf")


def test_a_withdrawn_letter_says_so(app: Flask, out: LetterOut) -> None:
    publish(app, out, "withdrawn", "A name was wrong.")
    stranger = app.test_client()
    seen = shown(stranger.get("/letters/ABC-2026-0001"))
    assert "This letter was withdrawn." in seen
    assert "A name was wrong." in seen
    assert "Withdrawn" in shown(stranger.get("/letters"))
