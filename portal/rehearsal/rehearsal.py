"""The rehearsal: a whole campaign from files, in an installation that is thrown away (DESIGN §2)."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from portal import db
from portal.audit import log
from portal.campaigns import service as campaigns
from portal.config import Settings
from portal.drafting import brief as briefs
from portal.jobs.worker import Worker
from portal.kernel.act import Act, Role, system_act
from portal.kernel.digest import canonical
from portal.kernel.errors import Conflict, Invalid, Problem
from portal.kernel.sentence import Sentence, say
from portal.letters import checking
from portal.letters import service as letters
from portal.letters.house import House, open_house
from portal.letters.service import IssueView
from portal.members import service as members
from portal.notifications import delivery, mailer
from portal.rehearsal import play
from portal.signoffs import quorum
from portal.signoffs import service as signoffs

MakeWorker = Callable[[House], Worker]


@dataclass
class Report:
    """Phases with their counts and seconds, shown while they run and as a table at the end."""

    language: str
    console: Console = field(default_factory=lambda: Console(stderr=False, highlight=False))
    phases: list[tuple[str, int, float]] = field(default_factory=list)

    @contextmanager
    def phase(self, title: Sentence, total: int) -> Iterator[Callable[..., None]]:
        """A phase of about *total* steps; call what it gives for each, or with how many were made."""
        name, started, done = title.render(self.language), monotonic(), 0
        bar = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
        )
        with bar:
            task = bar.add_task(name, total=total)

            def step(count: int = 1) -> None:
                nonlocal done
                done += count
                bar.update(task, completed=done, total=max(done, total))

            yield step
        self.phases.append((name, done, monotonic() - started))

    def table(self) -> None:
        """Print phase, count, seconds."""
        words = (say("phase"), say("count"), say("seconds"))
        table = Table(*(word.render(self.language) for word in words))
        for name, count, seconds in self.phases:
            table.add_row(name, str(count), f"{seconds:.2f}")
        self.console.print(table)


@dataclass
class _Stage:
    """What a rehearsal has at hand."""

    settings: Settings
    house: House
    worker: Worker
    report: Report
    staff: Act
    officer: members.SeatView
    seats: dict[str, members.SeatView] = field(default_factory=dict)

    def act(self, member_id: str) -> Act:
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

    Raises `Invalid` for an input that cannot be read (file, line, column, reason) before anything runs,
    and `Conflict` with what is missing where the quorum is not reached.
    """
    facts = _read_brief(brief or play.EXAMPLE / "brief.toml")
    rule = _read_rule(quorum_rule)
    registry = _read_members(members_file)
    lists = _read_lists(works_folder, [row.slug or "" for row in registry.rows])
    with tempfile.TemporaryDirectory(prefix="rensho-rehearsal-") as folder:
        stage = _open(Path(folder), make_worker, Report(language))
        try:
            member_ids = _enter_members(stage, registry)
            issue = _campaign(stage, _Input(facts, rule, lists, approve, order), member_ids)
            return _write(stage, out, issue)
        finally:
            db.current().dispose()


# --- input ----------------------------------------------------------------------------------------


def _unreadable(path: Path, sentence: Sentence) -> Invalid:
    return Invalid([Problem(str(path), sentence)], say("The input cannot be used; nothing was done."))


def _read_brief(path: Path) -> briefs.Brief:
    try:
        return briefs.read_toml(path.read_bytes(), str(path))
    except OSError as error:
        raise _unreadable(
            path, say("The file cannot be read: %(reason)s.", reason=str(error.strerror))
        ) from error


def _read_rule(text: str) -> dict[str, object]:
    path = Path(text)
    if path.suffix in {".toml", ".json"}:
        try:
            return quorum.parse_rule_file(path.read_bytes(), path.name)
        except OSError as error:
            raise _unreadable(
                path, say("The file cannot be read: %(reason)s.", reason=str(error.strerror))
            ) from error
    return quorum.parse_rule(text)


def _read_members(path: Path) -> members.MembersRead:
    try:
        read = members.read_members_csv(path.read_bytes())
    except OSError as error:
        raise _unreadable(
            path, say("The file cannot be read: %(reason)s.", reason=str(error.strerror))
        ) from error
    problems = [Problem(f"{path}, {one.where}", one.sentence) for one in read.problems]
    problems += [
        Problem(f"{path}, line {line}", say("Give the member a code (slug): its works list is found by it."))
        for row, line in zip(read.rows, read.lines, strict=True)
        if not row.slug
    ]
    if not read.rows and not problems:
        problems = [Problem(str(path), say("There is no member in this file."))]
    if problems:
        raise Invalid(problems, say("The members table cannot be used; nothing was done."))
    return read


def _read_lists(folder: Path, slugs: list[str]) -> dict[str, Path]:
    """Each member's list, by its code: ``<code>.csv`` or ``<code>.xlsx``."""
    if not folder.is_dir():
        raise _unreadable(folder, say("There is no such folder."))
    found, problems = {}, []
    for slug in slugs:
        paths = [folder / f"{slug}{suffix}" for suffix in (".csv", ".xlsx", ".tsv")]
        path = next((one for one in paths if one.is_file()), None)
        if path is None:
            problems.append(Problem(str(paths[0]), say("There is no works list of this member.")))
        else:
            found[slug] = path
    problems += [problem for path in found.values() for problem in _list_problems(path)]
    if problems:
        raise Invalid(problems, say("The works lists cannot be used; nothing was done."))
    return found


def _list_problems(path: Path) -> list[Problem]:
    from portal.works import tables

    try:
        read = tables.read(path.read_bytes())
    except tables.ReadError as error:
        where = f"{path}, line {error.line}, column {error.column}" if error.line else str(path)
        return [Problem(where, error.sentence)]
    return [Problem(f"{path}, line {one.line}, column {one.column}", one.sentence) for one in read.problems]


# --- the campaign ---------------------------------------------------------------------------------


def _open(folder: Path, make_worker: MakeWorker, report: Report) -> _Stage:
    """An installation of its own, marked as a rehearsal, with its association and staff."""
    settings = Settings(
        data_dir=folder,
        database_url=f"sqlite:///{folder / 'rehearsal.db'}",
        secret_key=secrets.token_hex(32),
        base_url="https://portal.alliance.example",
        rehearsal=True,
    )
    db.use(db.Database(settings.database_url))
    db.migrate(db.current())
    mailer.configure(delivery.mailer_for(settings))
    house = open_house(settings)
    worker = make_worker(house)
    example = tomllib.loads((play.EXAMPLE / "association.toml").read_text())
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
    seats = {
        row["key"]: play.seat_for(
            settings.outbox_dir,
            worker,
            system,
            None,
            play.Person(row["name"], row["email"], frozenset(map(Role, row["roles"])), row["title"]),
        )
        for row in example["people"][:2]
    }
    staff = play.acting(seats["staff"], datetime.now(UTC))
    return _Stage(settings, house, worker, report, staff, seats["officer"])


def _enter_members(stage: _Stage, registry: members.MembersRead) -> dict[str, str]:
    """The registry, and a signatory at each member: invited by mail, accepted; ids by code."""
    ids = {}
    with stage.report.phase(say("Members and invitations"), len(registry.rows)) as step:
        for row in registry.rows:
            member = db.run(members.create_member, stage.staff, row=row)
            person = play.Person(
                name=" ".join(("Signatory of", row.slug or "")),
                email=row.contact_email or f"legal@{row.slug}.example",
                roles=frozenset({Role.signatory, Role.manager, Role.contributor}),
                title={"en": "Signatory (rehearsal)", "ja": "署名権者（予行）"},
            )
            now = play.acting(_staff_seat(stage), datetime.now(UTC))
            stage.seats[member.id] = play.seat_for(
                stage.settings.outbox_dir, stage.worker, now, member.id, person
            )
            ids[row.slug or ""] = member.id
            step()
    return ids


def _staff_seat(stage: _Stage) -> members.SeatView:
    seats = db.read(lambda session, _act: members.live_seats(session, None, Role.case_manager), stage.staff)
    return seats[0]


@dataclass(frozen=True)
class _Input:
    """What was asked for: facts, rule, works lists by code, how many approve, the order of names."""

    facts: briefs.Brief
    rule: dict[str, object]
    lists: dict[str, Path]
    approve: int | None
    order: str


def _campaign(stage: _Stage, given: _Input, member_ids: dict[str, str]) -> IssueView:
    report, facts = stage.report, given.facts
    now = datetime.now(UTC)
    staff = play.acting(_staff_seat(stage), now)
    with report.phase(say("Campaign and draft"), 2) as step:
        campaign = play.set_up_campaign(staff, facts, member_ids.values(), given.order)
        play.add_exhibits(staff, stage.house, campaign.id, facts)
        step()
        revision = play.publish_draft(staff, campaign.id, facts, "予行 / rehearsal")
        step()
    with report.phase(say("Works lists"), len(given.lists)) as step:
        for slug, path in given.lists.items():
            act = stage.act(member_ids[slug])
            db.run(campaigns.answer, act, campaign_id=campaign.id, member_id=member_ids[slug], join=True)
            play.give_works(act, campaign.id, path.read_bytes(), path.name)
            step()
    with report.phase(say("Jointly owned works"), 0) as step:
        joint = play.settle_claims((stage.act(one) for one in member_ids.values()), campaign.id)
        step(joint)
    staff = play.acting(_staff_seat(stage), datetime.now(UTC))
    round_ = db.run(
        signoffs.open_round,
        staff,
        letter_id=revision.letter_id,
        rule=quorum.bind_members(given.rule, member_ids),
        deadline=staff.at + timedelta(days=14),
    )
    willing = list(member_ids.values())[: len(member_ids) if given.approve is None else given.approve]
    with report.phase(say("Sign-offs"), len(willing)) as step:
        for member_id in willing:
            play.approve(stage.act(member_id), round_.id)
            step()
    return _carry_and_issue(stage, round_.id, revision.letter_id)


def _carry_and_issue(stage: _Stage, round_id: str, letter_id: str) -> IssueView:
    """Close, countersign, issue. Raises `Conflict` with what is missing for the quorum."""
    staff = play.acting(_staff_seat(stage), datetime.now(UTC))
    verdict = db.read(lambda session, _act: signoffs.verdict(session, round_id), staff)
    if not verdict.reached:
        stage.report.table()
        missing = verdict.missing
        raise Conflict(
            say("The quorum is not reached, so there is no letter. Missing: %(what)s", what=_joined(missing))
        )
    with stage.report.phase(say("Countersign, issue, seal"), 3) as step:
        round_ = db.run(signoffs.close_round, staff, round_id=round_id)
        step()
        officer = play.acting(stage.officer, datetime.now(UTC))
        db.run(signoffs.countersign, officer, round_id=round_id, revision_digest=round_.revision_digest)
        step()
        issue = play.issue(
            play.acting(_staff_seat(stage), datetime.now(UTC)), letter_id, stage.house, stage.worker
        )
        step()
    return issue


def _joined(sentences: tuple[Sentence, ...]) -> Sentence:
    result = sentences[0]
    for one in sentences[1:]:
        result = say("%(first)s; %(second)s", first=result, second=one)
    return result


# --- output ---------------------------------------------------------------------------------------


def _write(stage: _Stage, out: Path, issue: IssueView) -> bool:
    """The files of both editions, the log's and the seal's, the mails; then our own check of them."""
    out.mkdir(parents=True, exist_ok=True)
    staff = play.acting(_staff_seat(stage), datetime.now(UTC))
    proof = db.read(lambda session, _act: checking.proof_of(session, issue.id), staff)
    checkpoint = db.read(lambda session, _act: log.latest_checkpoint(session), staff)
    assert checkpoint is not None
    for view in issue.editions:
        _, projection = db.read(letters.edition, staff, issue_id=issue.id, name=view.edition)
        (out / f"letter.{view.edition}.pdf").write_bytes(stage.house.files.get(view.file_digest))
        (out / f"record.{view.edition}.json").write_bytes(canonical(projection))
        (out / f"schedule.{view.edition}.csv").write_bytes(stage.house.files.get(view.schedule_digest))
        (out / f"letter.{view.edition}.tlog-proof").write_text(proof)
    (out / "checkpoint").write_text(checkpoint.text)
    (out / "log.vkey").write_text(stage.house.log_key.vkey + "\n")
    (out / "seal.pem").write_text(stage.house.sealer.pem())
    shutil.rmtree(out / "outbox", ignore_errors=True)
    shutil.copytree(stage.settings.outbox_dir, out / "outbox")
    return _verify(stage, out, issue)


def _verify(stage: _Stage, out: Path, issue: IssueView) -> bool:
    """Check every letter as a stranger would: offline, from the files alone."""
    verdicts = {}
    with stage.report.phase(say("Check as a stranger would"), len(issue.editions)) as step:
        for view in issue.editions:
            verdicts[view.edition] = checking.check_file(
                out / f"letter.{view.edition}.pdf",
                house=stage.house,
                offline=True,
                certificate=(out / "seal.pem").read_text(),
                vkey=(out / "log.vkey").read_text().strip(),
                proof=(out / f"letter.{view.edition}.tlog-proof").read_text(),
            )
            step()
    stage.report.table()
    for edition, checked in verdicts.items():
        record = json.loads((out / f"record.{edition}.json").read_text())
        figures = say(
            "%(edition)s edition: %(reference)s, %(named)s of %(total)s members named, "
            "%(works)s works: %(verdict)s",
            edition=edition,
            reference=record["reference"],
            named=len(record["signatories"]["named"]),
            total=record["signatories"]["total"],
            works=record["schedule"]["works"],
            verdict=checked.verdict.sentence,
        )
        stage.report.console.print(figures.render(stage.report.language))
        if not checked.genuine:
            for line in checked.lines(stage.report.language):
                stage.report.console.print(line)
    return all(checked.genuine for checked in verdicts.values())
