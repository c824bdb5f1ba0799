"""The rehearsal: a whole campaign from files, in an installation that is thrown away (DESIGN §2)."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event

from portal import db
from portal.audit import log
from portal.campaigns import service as campaigns
from portal.config import Settings
from portal.jobs.worker import Worker
from portal.kernel.act import Act, Role, system_act
from portal.kernel.digest import canonical
from portal.kernel.errors import Conflict, Refused
from portal.kernel.sentence import Sentence, say
from portal.letters import checking
from portal.letters import service as letters
from portal.letters.house import House, open_house
from portal.letters.service import IssueView
from portal.members import service as members
from portal.notifications import delivery, mailer
from portal.rehearsal import inputs, output, play
from portal.rehearsal.inputs import Input
from portal.rehearsal.report import Report
from portal.signoffs import quorum
from portal.signoffs import service as signoffs

MakeWorker = Callable[[House], Worker]
T = TypeVar("T")


@dataclass
class _Stage:
    """What a rehearsal has at hand."""

    settings: Settings
    house: House
    worker: Worker
    report: Report
    staff_seat: members.SeatView
    officer_seat: members.SeatView
    seats: dict[str, members.SeatView] = field(default_factory=dict)

    def staff(self) -> Act:
        return play.acting(self.staff_seat, datetime.now(UTC))

    def officer(self) -> Act:
        return play.acting(self.officer_seat, datetime.now(UTC))

    def member(self, member_id: str) -> Act:
        return play.acting(self.seats[member_id], datetime.now(UTC))


def rehearse(
    members_file: Path,
    works_folder: Path,
    out: Path,
    *,
    brief: Path | None,
    quorum_rule: str,
    approve: int | None,
    order: str,
    make_worker: MakeWorker,
    language: str,
) -> bool:
    """Run the campaign and write its files to *out*; whether our own check of them passes.

    Raises `Invalid` for an input that cannot be used (file, line, column, reason) before anything runs;
    *out* is then as it was. Raises `Conflict` where there is no letter, above all because the quorum is
    not reached, with what is missing; *out* is then without the letter of an earlier run.
    """
    inputs.check_folder(out)
    given = inputs.read_all(
        members_file, works_folder, brief=brief, quorum_rule=quorum_rule, approve=approve, order=order
    )
    report = Report(language)
    with _throw_away_installation() as settings:
        try:
            stage = _open(settings, make_worker, report)
            issue = _campaign(stage, given, _enter_members(stage, given.registry))
        except Refused:
            output.clear(out)
            raise
        _write(stage, out, issue)
    return _verify(report, stage.house, out)


# --- the installation -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Folder:
    """Takes messages as files. What is thrown away need not survive a power cut: nothing waits for disks."""

    path: Path

    def send(self, name: str, message: EmailMessage) -> None:
        self.path.mkdir(exist_ok=True)
        (self.path / f"{name}.eml").write_bytes(message.as_bytes())


@contextmanager
def _throw_away_installation() -> Iterator[Settings]:
    """A database, keys and an outbox of their own, marked as a rehearsal and in use until the end."""
    before = _or_none(db.current), _or_none(mailer.current)
    with tempfile.TemporaryDirectory(prefix="rensho-rehearsal-") as folder:
        settings = Settings(
            data_dir=Path(folder),
            database_url=f"sqlite:///{folder}/rehearsal.db",
            secret_key=secrets.token_hex(32),
            base_url="https://portal.alliance.example",
            rehearsal=True,
        )
        database = db.Database(settings.database_url)
        event.listen(database.write, "connect", _without_waiting_for_the_disk)
        try:
            db.use(database)
            mailer.configure(replace(delivery.mailer_for(settings), backend=_Folder(settings.outbox_dir)))
            db.migrate(database)
            yield settings
        finally:
            database.dispose()
            db.use(before[0])
            mailer.configure(before[1])


def _or_none(current: Callable[[], T]) -> T | None:
    try:
        return current()
    except RuntimeError:
        return None


def _without_waiting_for_the_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _open(settings: Settings, make_worker: MakeWorker, report: Report) -> _Stage:
    """The installation's association, staff and officer."""
    house = open_house(settings)
    worker = make_worker(house)
    example = inputs.example_association()
    system = system_act(datetime.now(UTC))
    association = example["association"]
    db.run(
        members.set_association,
        system,
        names=association["names"],
        code=association["code"],
        address=association["address"],
        contact=association["contact"],
    )
    people = [
        (None, play.Person(row["name"], row["email"], frozenset(map(Role, row["roles"])), row["title"]))
        for row in example["people"]
        if row["key"] in {"staff", "officer"}
    ]
    staff, officer = play.seats_for(settings.outbox_dir, worker, system, people)
    return _Stage(settings, house, worker, report, staff, officer)


def _enter_members(stage: _Stage, registry: members.MembersRead) -> dict[str, str]:
    """The registry, and a signatory at each member: invited by mail, accepted; ids by code."""
    ids, people = {}, []
    with stage.report.phase(say("Members and invitations"), len(registry.rows)) as step:
        for number, row in enumerate(registry.rows, 1):
            code = row.slug or ""
            ids[code] = db.run(members.create_member, stage.staff(), row=row).id
            person = play.Person(
                name=f"Signatory of {code}",
                email=row.contact_email or f"signatory-{number}@members.example",
                roles=frozenset({Role.signatory, Role.manager, Role.contributor}),
                title={"en": "Signatory (rehearsal)", "ja": "署名権者（予行）"},
            )
            people.append((ids[code], person))
        seats = play.seats_for(stage.settings.outbox_dir, stage.worker, stage.staff(), people, step)
    stage.seats |= dict(zip(ids.values(), seats, strict=True))
    return ids


# --- the campaign ---------------------------------------------------------------------------------


def _campaign(stage: _Stage, given: Input, member_ids: dict[str, str]) -> IssueView:
    report, facts, staff = stage.report, given.facts, stage.staff()
    with report.phase(say("Campaign and draft"), 2) as step:
        campaign = play.set_up_campaign(staff, facts, member_ids.values(), given.order)
        play.add_exhibits(staff, stage.house, campaign.id, facts)
        step()
        revision = play.publish_draft(staff, campaign.id, facts, "予行 / rehearsal")
        step()
    with report.phase(say("Works lists"), len(given.lists)) as step:
        for code, path in given.lists.items():
            act = stage.member(member_ids[code])
            db.run(campaigns.answer, act, campaign_id=campaign.id, member_id=member_ids[code], join=True)
            play.give_works(act, campaign.id, path.read_bytes(), path.name)
            step()
    with report.phase(say("Jointly owned works"), 0) as step:
        step(play.settle_claims((stage.member(one) for one in member_ids.values()), campaign.id))
    staff = stage.staff()
    round_ = db.run(
        signoffs.open_round,
        staff,
        letter_id=revision.letter_id,
        rule=quorum.bind_members(given.rule, member_ids),
        deadline=staff.at + timedelta(days=14),
    )
    willing = list(member_ids.values())[: given.approve]
    with report.phase(say("Sign-offs"), len(willing)) as step:
        for member_id in willing:
            play.approve(stage.member(member_id), round_.id)
            step()
    return _carry_and_issue(stage, round_.id, revision.letter_id)


def _carry_and_issue(stage: _Stage, round_id: str, letter_id: str) -> IssueView:
    """Close, countersign, issue. Raises `Conflict`: the quorum is not reached, a text is not printable."""
    verdict = db.read(lambda session, _act: signoffs.verdict(session, round_id), stage.staff())
    if not verdict.reached:
        stage.report.table()
        what = _joined(verdict.missing)
        raise Conflict(say("The quorum is not reached, so there is no letter. Missing: %(what)s", what=what))
    with stage.report.phase(say("Countersign, issue, seal"), 3) as step:
        round_ = db.run(signoffs.close_round, stage.staff(), round_id=round_id)
        step()
        db.run(
            signoffs.countersign,
            stage.officer(),
            round_id=round_id,
            revision_digest=round_.revision_digest,
            frame_digest=round_.frame_digest,
        )
        step()
        try:
            issue = play.issue(stage.staff(), letter_id, stage.house, stage.worker)
        except ValueError as error:
            raise Conflict(say("The letter cannot be made: %(reason)s", reason=str(error))) from error
        step()
    return issue


def _joined(sentences: tuple[Sentence, ...]) -> Sentence:
    result = sentences[0]
    for one in sentences[1:]:
        result = say("%(first)s; %(second)s", first=result, second=one)
    return result


# --- output ---------------------------------------------------------------------------------------


def _write(stage: _Stage, out: Path, issue: IssueView) -> None:
    """The files of both editions, the log's and the seal's, the mails."""
    staff, files = stage.staff(), stage.house.files
    proof = db.read(lambda session, _act: checking.proof_of(session, issue.id), staff)
    checkpoint = db.read(lambda session, _act: log.latest_checkpoint(session), staff)
    assert checkpoint is not None, "the worker signs one after every entry"
    written = {
        "checkpoint": checkpoint.text.encode(),
        "log.vkey": f"{stage.house.log_key.vkey}\n".encode(),
        "seal.pem": stage.house.sealer.pem().encode(),
    }
    for view in issue.editions:
        _, projection = db.read(letters.edition, staff, issue_id=issue.id, name=view.edition)
        written |= {
            f"letter.{view.edition}.pdf": files.get(view.file_digest),
            f"record.{view.edition}.json": canonical(projection),
            f"schedule.{view.edition}.csv": files.get(view.schedule_digest),
            f"letter.{view.edition}.tlog-proof": proof.encode(),
        }
    try:
        output.write(out, written, stage.settings.outbox_dir)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Conflict(say("The files cannot be written: %(reason)s.", reason=reason)) from error


def _verify(report: Report, house: House, out: Path) -> bool:
    """Check every letter as a stranger would: offline, from the files alone."""

    def checked(edition: str) -> checking.Checked:
        return checking.check_file(
            out / f"letter.{edition}.pdf",
            house=house,
            offline=True,
            certificate=(out / "seal.pem").read_text(encoding="utf-8"),
            vkey=(out / "log.vkey").read_text(encoding="utf-8"),
            proof=(out / f"letter.{edition}.tlog-proof").read_text(encoding="utf-8"),
        )

    verdicts = {}
    # Each check is a process of its own, so they can run side by side.
    with (
        report.phase(say("Check as a stranger would"), len(output.EDITIONS)) as step,
        ThreadPoolExecutor() as pool,
    ):
        for edition, found in zip(output.EDITIONS, pool.map(checked, output.EDITIONS), strict=True):
            verdicts[edition] = found
            step()
    report.table()
    for edition, found in verdicts.items():
        record = json.loads((out / f"record.{edition}.json").read_bytes())
        report.say(_figures(edition, record, found))
        if not found.genuine:
            for line in found.lines(report.language):
                report.say(line)
    return all(found.genuine for found in verdicts.values())


def _figures(edition: str, record: Mapping[str, Any], found: checking.Checked) -> Sentence:
    return say(
        "%(edition)s edition: %(reference)s, %(named)s of %(total)s members named, "
        "%(works)s works: %(verdict)s",
        edition=edition,
        reference=record["reference"],
        named=len(record["signatories"]["named"]),
        total=record["signatories"]["total"],
        works=record["schedule"]["works"],
        verdict=found.verdict.sentence,
    )
