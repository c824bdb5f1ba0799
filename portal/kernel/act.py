"""Who does something, for whom, when, and how freshly proven; and who may do what.

One `Permission` enum and one `POLICY` table: routes, menus, use cases and the help page read these.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.kernel.errors import Forbidden, NotFound, ProofNeeded


def new_id() -> str:
    """A new identifier: a UUIDv7 (RFC 9562 §5.7) as 32 hexadecimal digits; later ones sort later."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return f"{value:032x}"


class Role(StrEnum):
    """What a seat allows. The first four are a member's, the next five the association's."""

    viewer = "viewer"
    contributor = "contributor"
    signatory = "signatory"
    manager = "manager"
    case_manager = "case_manager"
    counsel = "counsel"
    officer = "officer"
    auditor = "auditor"
    administrator = "administrator"
    system = "system"


MEMBER_ROLES: Final = frozenset({Role.viewer, Role.contributor, Role.signatory, Role.manager})
STAFF_ROLES: Final = frozenset(
    {Role.case_manager, Role.counsel, Role.officer, Role.auditor, Role.administrator}
)


class Permission(StrEnum):
    """``room:thing:verb``."""

    # identity
    own_account_use = "identity:account:use"
    # audit
    log_read = "audit:log:read"
    # notifications
    messages_read = "notifications:message:read"
    # members
    member_read = "members:member:read"
    member_edit = "members:member:edit"
    member_import = "members:member:import"
    invitation_send = "members:invitation:send"
    invitation_revoke = "members:invitation:revoke"
    seat_read = "members:seat:read"
    seat_manage = "members:seat:manage"
    association_edit = "members:association:edit"
    # campaigns
    campaign_read = "campaigns:campaign:read"
    campaign_create = "campaigns:campaign:create"
    campaign_edit = "campaigns:campaign:edit"
    campaign_invite = "campaigns:participation:invite"
    campaign_answer = "campaigns:participation:answer"
    campaign_leave = "campaigns:participation:leave"
    stage_move = "campaigns:stage:move"
    # works
    works_read = "works:list:read"
    works_upload = "works:list:upload"
    works_edit = "works:row:edit"
    works_submit = "works:list:submit"
    works_accept = "works:list:accept"
    works_return = "works:list:return"
    claim_read = "works:claim:read"
    claim_mark = "works:claim:mark"
    claim_settle = "works:claim:settle"
    # evidence
    exhibit_read = "evidence:exhibit:read"
    exhibit_add = "evidence:exhibit:add"
    # drafting
    letter_read = "drafting:letter:read"
    letter_create = "drafting:letter:create"
    letter_abandon = "drafting:letter:abandon"
    text_edit = "drafting:text:edit"
    revision_read = "drafting:revision:read"
    revision_publish = "drafting:revision:publish"
    reading_confirm = "drafting:reading:confirm"
    # signoffs
    round_read = "signoffs:round:read"
    round_open = "signoffs:round:open"
    round_close = "signoffs:round:close"
    round_cancel = "signoffs:round:cancel"
    signoff_read = "signoffs:signoff:read"
    signoff_place = "signoffs:signoff:place"
    signoff_withdraw = "signoffs:signoff:withdraw"
    reservation_answer = "signoffs:reservation:answer"
    reservation_lift = "signoffs:reservation:lift"
    countersignature_read = "signoffs:countersignature:read"
    countersignature_place = "signoffs:countersignature:place"
    countersignature_refuse = "signoffs:countersignature:refuse"
    # letters
    issue_read = "letters:issue:read"
    letter_issue = "letters:letter:issue"
    letter_publish = "letters:letter:publish"
    letter_withdraw = "letters:letter:withdraw"
    record_read = "letters:record:read"
    # correspondence
    correspondence_read = "correspondence:delivery:read"
    delivery_record = "correspondence:delivery:record"
    response_record = "correspondence:response:record"
    inquiry_raise = "correspondence:inquiry:raise"
    inquiry_handle = "correspondence:inquiry:handle"
    # api
    token_manage = "api:token:manage"  # noqa: S105 - a permission
    webhook_manage = "api:webhook:manage"
    # desk
    desk_open = "desk:home:open"
    board_read = "desk:board:read"
    steps_read = "desk:steps:read"
    search_use = "desk:search:use"


@dataclass(frozen=True)
class Rule:
    """Which roles a permission needs (any of them), and how fresh the proof of identity must be."""

    roles: frozenset[Role]
    proof: timedelta | None = None


FRESH: Final = timedelta(minutes=5)
"""How old a proof of identity may be for acts that bind (DESIGN §3.1)."""

_EVERYONE = MEMBER_ROLES | STAFF_ROLES
_CASE = frozenset({Role.case_manager, Role.administrator})

POLICY: dict[Permission, Rule] = {
    # identity
    Permission.own_account_use: Rule(_EVERYONE),
    # audit
    Permission.log_read: Rule(STAFF_ROLES),
    # notifications
    Permission.messages_read: Rule(frozenset({Role.administrator, Role.case_manager, Role.auditor})),
    # members
    Permission.member_read: Rule(STAFF_ROLES),
    Permission.member_edit: Rule(_CASE),
    Permission.member_import: Rule(_CASE),
    Permission.invitation_send: Rule(_CASE | {Role.manager}),
    Permission.invitation_revoke: Rule(_CASE | {Role.manager}),
    Permission.seat_read: Rule(STAFF_ROLES | {Role.manager}),
    Permission.seat_manage: Rule(_CASE | {Role.manager}, FRESH),
    Permission.association_edit: Rule(frozenset({Role.administrator})),
    # campaigns
    Permission.campaign_read: Rule(_EVERYONE),
    Permission.campaign_create: Rule(_CASE),
    Permission.campaign_edit: Rule(_CASE),
    Permission.campaign_invite: Rule(_CASE),
    Permission.campaign_answer: Rule(frozenset({Role.manager, Role.signatory})),
    Permission.campaign_leave: Rule(frozenset({Role.manager, Role.signatory})),
    Permission.stage_move: Rule(_CASE),
    # works
    Permission.works_read: Rule(_EVERYONE),
    Permission.works_upload: Rule(frozenset({Role.contributor, Role.signatory, Role.manager})),
    Permission.works_edit: Rule(frozenset({Role.contributor, Role.signatory, Role.manager})),
    Permission.works_submit: Rule(frozenset({Role.contributor, Role.signatory, Role.manager})),
    Permission.works_accept: Rule(_CASE),
    Permission.works_return: Rule(_CASE),
    Permission.claim_read: Rule(_EVERYONE),
    # That a work is owned jointly is said by whoever may commit the company.
    Permission.claim_mark: Rule(frozenset({Role.signatory, Role.manager})),
    Permission.claim_settle: Rule(_CASE),
    # evidence
    Permission.exhibit_read: Rule(_EVERYONE),
    Permission.exhibit_add: Rule(_CASE),
    # drafting
    Permission.letter_read: Rule(_EVERYONE),
    Permission.letter_create: Rule(_CASE),
    Permission.letter_abandon: Rule(_CASE),
    Permission.text_edit: Rule(_CASE | {Role.counsel}),
    Permission.revision_read: Rule(_EVERYONE),
    Permission.revision_publish: Rule(_CASE),
    Permission.reading_confirm: Rule(MEMBER_ROLES),
    # signoffs
    Permission.round_read: Rule(_EVERYONE),
    Permission.round_open: Rule(_CASE),
    Permission.round_close: Rule(_CASE),
    Permission.round_cancel: Rule(_CASE),
    Permission.signoff_read: Rule(_EVERYONE),
    Permission.signoff_place: Rule(frozenset({Role.signatory}), FRESH),
    Permission.signoff_withdraw: Rule(frozenset({Role.signatory}), FRESH),
    Permission.reservation_answer: Rule(_CASE | {Role.counsel}),
    Permission.reservation_lift: Rule(frozenset({Role.signatory}), FRESH),
    Permission.countersignature_read: Rule(STAFF_ROLES),
    Permission.countersignature_place: Rule(frozenset({Role.officer}), FRESH),
    Permission.countersignature_refuse: Rule(frozenset({Role.officer}), FRESH),
    # letters
    Permission.issue_read: Rule(_EVERYONE),
    Permission.letter_issue: Rule(_CASE, FRESH),
    Permission.letter_publish: Rule(_CASE),
    Permission.letter_withdraw: Rule(_CASE, FRESH),
    Permission.record_read: Rule(STAFF_ROLES),
    # correspondence
    Permission.correspondence_read: Rule(_EVERYONE),
    Permission.delivery_record: Rule(_CASE),
    Permission.response_record: Rule(_CASE),
    Permission.inquiry_raise: Rule(frozenset({Role.contributor, Role.signatory, Role.manager})),
    Permission.inquiry_handle: Rule(_CASE | {Role.counsel}),
    # api
    Permission.token_manage: Rule(frozenset({Role.administrator}), FRESH),
    Permission.webhook_manage: Rule(frozenset({Role.administrator}), FRESH),
    # desk
    Permission.desk_open: Rule(_EVERYONE),
    Permission.board_read: Rule(STAFF_ROLES),
    Permission.steps_read: Rule(MEMBER_ROLES),
    Permission.search_use: Rule(STAFF_ROLES),
}


@dataclass(frozen=True)
class Act:
    """One act of one person from one seat (or of the system), at one time.

    ``at`` and ``proved_at`` are aware datetimes in UTC. ``member_id`` is the member acted for, and
    None for the association itself. ``authority`` is the basis on which the person may act, in the
    words in which it was recorded with the seat.
    """

    at: datetime
    person_id: str | None
    person_name: str
    member_id: str | None
    roles: frozenset[Role]
    proved_at: datetime | None
    language: str
    address: str | None
    user_agent: str | None
    request_id: str
    authority: str = ""

    @property
    def is_staff(self) -> bool:
        """Whether the seat is one of the association (the system counts as such)."""
        return self.member_id is None and bool(self.roles & (STAFF_ROLES | {Role.system}))

    def may(self, permission: Permission) -> bool:
        """Whether the seat's roles allow it, whatever the age of the proof (for menus)."""
        return Role.system in self.roles or bool(POLICY[permission].roles & self.roles)


def require(act: Act, permission: Permission, *, member_id: str | None = None, to_look: bool = False) -> None:
    """Stop unless the act may do this; with *member_id*, to a thing of that member.

    *to_look*: for the page that shows what would be done; there the age of the proof does not matter.

    Raises `NotFound` where the thing is another member's (its existence is not told), `Forbidden`
    where the role is missing, `ProofNeeded` where the proof is older than the policy allows.
    """
    if Role.system in act.roles:
        return
    if member_id is not None and not act.is_staff and act.member_id != member_id:
        raise NotFound
    rule = POLICY[permission]
    if not rule.roles & act.roles:
        raise Forbidden
    if to_look or rule.proof is None:
        return
    if act.proved_at is None or act.at - act.proved_at > rule.proof:
        raise ProofNeeded


def system_act(at: datetime, language: str = "en") -> Act:
    """The portal's own act: the worker's, the command line's."""
    return Act(
        at=at,
        person_id=None,
        person_name="",
        member_id=None,
        roles=frozenset({Role.system}),
        proved_at=None,
        language=language,
        address=None,
        user_agent=None,
        request_id=new_id(),
    )
