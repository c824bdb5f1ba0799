"""Charts as SVG text, made on the server: two kinds, no script, no style of their own.

Colours and type come from the style sheet by class (the pages' policy forbids inline styles); each
chart carries a title and a description for those who do not see it, and its figures as text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

_WIDTH, _HEIGHT = 640, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 16, 18, 34


@dataclass(frozen=True)
class Said:
    """A chart's words, translated by the caller. `name` makes its ids unique on a page ([a-z0-9-]+)."""

    name: str
    title: str
    description: str


@dataclass(frozen=True)
class Bar:
    """One bar: its label, its value (not negative) and the value as it is to be read."""

    label: str
    value: float
    shown: str


def signoffs_over_time(
    acts: Sequence[tuple[datetime, int]],
    *,
    opened: datetime,
    deadline: datetime,
    until: datetime,
    needed: int | None,
    roll: int,
    said: Said,
    quorum_label: str,
    deadline_label: str,
    day: Callable[[datetime], str],
) -> str:
    """Approvals standing over time, as steps, against the deadline and the quorum.

    `acts` are (instant, approvals standing from then on) in order of time; the line goes on to `until`
    (now, or when the round closed). `needed` is the count the quorum asks for, None where it is no
    plain count. All instants aware. `day` says a date in the reader's language.
    """
    end = max(deadline, until, opened)
    span = max((end - opened).total_seconds(), 1.0)
    top = max(roll, needed or 0, *(count for _, count in acts), 1)

    def across(at: datetime) -> float:
        share = min(max((at - opened).total_seconds() / span, 0.0), 1.0)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def up(count: float) -> float:
        return _HEIGHT - _BOTTOM - count / top * (_HEIGHT - _TOP - _BOTTOM)

    parts = [_grid(top, up)]
    if needed is not None:
        parts.append(_level(up(needed), quorum_label))
    parts.append(_upright(across(deadline), deadline_label))
    parts.append(f'<path class="chart-steps" fill="none" d="{_steps(acts, opened, until, across, up)}"/>')
    parts += [
        f'<text class="chart-label" x="{_LEFT}" y="{_HEIGHT - 10}">{escape(day(opened))}</text>',
        (
            f'<text class="chart-label chart-label-end" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 10}"'
            f' text-anchor="end">{escape(day(end))}</text>'
        ),
    ]
    return _framed(said, _WIDTH, _HEIGHT, parts)


def _steps(
    acts: Sequence[tuple[datetime, int]],
    opened: datetime,
    until: datetime,
    across: Callable[[datetime], float],
    up: Callable[[float], float],
) -> str:
    """A path that is level between acts: a count does not grow between two sign-offs."""
    path = f"M{across(opened):.1f} {up(0):.1f}"
    for at, count in acts:
        path += f"H{across(at):.1f}V{up(count):.1f}"
    return f"{path}H{across(until):.1f}"


def _grid(top: int, up: Callable[[float], float]) -> str:
    """Whole counts at the left: nought, about half, all."""
    out = []
    for count in sorted({0, top // 2, top}):
        y = up(count)
        out.append(
            f'<path class="chart-grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
            f'<text class="chart-label" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{count}</text>'
        )
    return "".join(out)


def _level(y: float, label: str) -> str:
    return (
        f'<path class="chart-quorum" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text class="chart-label chart-label-quorum" x="{_LEFT + 6}" y="{y - 6:.1f}">{escape(label)}</text>'
    )


def _upright(x: float, label: str) -> str:
    return (
        f'<path class="chart-deadline" d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"/>'
        f'<text class="chart-label chart-label-deadline" x="{x - 6:.1f}" y="{_HEIGHT - _BOTTOM - 8}"'
        f' text-anchor="end">{escape(label)}</text>'
    )


def bars(given: Sequence[Bar], *, said: Said, label_width: int = 180) -> str:
    """Horizontal bars, longest value full width, labels at the left and values at the right.

    `label_width` in the chart's units (640 across); long labels are for the caller to shorten.
    """
    step, height = 30, max(len(given), 1) * 30 + 8
    longest = max((bar.value for bar in given), default=0) or 1
    room = _WIDTH - label_width - 72
    parts = []
    for number, bar in enumerate(given):
        y = 4 + number * step
        wide = max(bar.value, 0) / longest * room
        parts.append(
            f'<text class="chart-label" x="{label_width - 10}" y="{y + 19}"'
            f' text-anchor="end">{escape(bar.label)}</text>'
            f'<rect class="chart-bar" x="{label_width}" y="{y + 5}" width="{wide:.1f}" height="20"/>'
            f'<text class="chart-value" x="{label_width + wide + 8:.1f}" y="{y + 19}">'
            f"{escape(bar.shown)}</text>"
        )
    return _framed(said, _WIDTH, height, parts)


def _framed(said: Said, width: int, height: int, parts: Sequence[str]) -> str:
    title, description = f"{said.name}-title", f"{said.name}-description"
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg"'
        f' aria-labelledby="{title}" aria-describedby="{description}">'
        f'<title id="{title}">{escape(said.title)}</title>'
        f'<desc id="{description}">{escape(said.description)}</desc>{"".join(parts)}</svg>'
    )
