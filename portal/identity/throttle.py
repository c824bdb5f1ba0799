"""Slowing down those who guess, in the database, so that it holds across workers, nodes and restarts.

An attempt is counted *before* it is looked at: guesses sent all at once do not slip through together.
Counted is the pair of account and address, and the address alone; never an account alone, because
then anybody could shut out anybody by failing on purpose.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.model import Throttle
from portal.kernel.act import Act
from portal.kernel.errors import TooMany
from portal.kernel.sentence import say_n

WINDOW: Final = timedelta(hours=1)
LONGEST_WAIT: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class Limit:
    """What is counted (*kind* and *parts*, kept as a hash) and how many attempts are free of a delay."""

    kind: str
    parts: tuple[str, ...]
    free: int

    @property
    def key(self) -> str:
        """The row's key."""
        return f"{self.kind}:{sha256(chr(31).join(self.parts).encode()).hexdigest()}"


def network(address: str | None) -> str:
    """What counts as one corner of the network: an IPv4 address, or the /64 that one IPv6 customer gets."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)


def wait_after(count: int, free: int) -> timedelta | None:
    """How long nothing more is looked at after *count* attempts: none, then 1, 2, 4 … s, at most 15 min."""
    if count < free:
        return None
    return min(LONGEST_WAIT, timedelta(seconds=2.0 ** min(count - free, 20)))


def enter(session: Session, act: Act, *, limits: Iterable[Limit]) -> None:
    """Count one attempt under each limit. Raises `TooMany`, and counts nothing, while one has to wait."""
    for limit in limits:
        row = session.get(Throttle, limit.key, with_for_update=True, populate_existing=True)
        if row is None:
            session.execute(sa.delete(Throttle).where(Throttle.window_start < act.at - 48 * WINDOW))
            row = Throttle(key=limit.key, window_start=act.at, count=0, until=None)
            session.add(row)
        if row.until is not None and row.until > act.at:
            seconds = max(1, round((row.until - act.at).total_seconds()))
            raise TooMany(
                say_n(
                    "Too many attempts. Please wait %(n)s second and try again.",
                    "Too many attempts. Please wait %(n)s seconds and try again.",
                    seconds,
                )
            )
        if act.at - row.window_start > WINDOW:
            row.window_start, row.count = act.at, 0
        row.count += 1
        wait = wait_after(row.count, limit.free)
        row.until = None if wait is None else act.at + wait
        session.flush()


def succeeded(session: Session, _act: Act, *, limits: Iterable[Limit]) -> None:
    """The attempt was right: it does not count. The first limit (the narrowest) starts anew."""
    for number, limit in enumerate(limits):
        row = session.get(Throttle, limit.key, with_for_update=True, populate_existing=True)
        if row is None:
            continue
        if number == 0:
            session.delete(row)
        elif row.count > 0:
            row.count, row.until = row.count - 1, None
    session.flush()
