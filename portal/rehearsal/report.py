"""What a rehearsal shows while it runs: a bar for each phase, and a table at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from portal.kernel.sentence import Sentence, say

Step = Callable[..., None]
"""Called for each thing done, or with how many were done."""


def _console() -> Console:
    """Standard output; where that is a file or a pipe, plain lines whatever the environment says."""
    # Logs set FORCE_COLOR and the like; rich would then move the cursor in a file.
    return Console(
        highlight=False,
        markup=False,
        soft_wrap=True,
        force_terminal=None if sys.stdout.isatty() else False,
        no_color=None if sys.stdout.isatty() else True,
    )


@dataclass
class Report:
    """Phases with their counts and seconds, in *language*."""

    language: str
    console: Console = field(default_factory=_console)
    phases: list[tuple[str, int, float]] = field(default_factory=list)

    @contextmanager
    def phase(self, title: Sentence, total: int) -> Iterator[Step]:
        """A phase of about *total* steps; gives the function to call for each.

        On a terminal a bar moves; elsewhere one line is written when the phase is over.
        """
        name, started, done = title.render(self.language), monotonic(), 0
        with self._bar(name, total) as show:

            def step(count: int = 1) -> None:
                nonlocal done
                done += count
                show(done)

            yield step
        self.phases.append((name, done, monotonic() - started))

    @contextmanager
    def _bar(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        if not self.console.is_terminal or self.console.is_dumb_terminal:
            done = 0

            def count(now: int) -> None:
                nonlocal done
                done = now

            yield count
            self.say(f"{name}: {done}")
            return
        bar = Progress(
            TextColumn("{task.description:<28}", markup=False),
            BarColumn(28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
        )
        with bar:
            task = bar.add_task(name, total=total)
            yield lambda now: bar.update(task, completed=now, total=max(now, total))

    def say(self, text: Sentence | str) -> None:
        """One line."""
        self.console.print(text.render(self.language) if isinstance(text, Sentence) else text)

    def table(self) -> None:
        """Print phase, count, seconds."""
        words = (say("phase"), say("count"), say("seconds"))
        table = Table(*(word.render(self.language) for word in words))
        for name, count, seconds in self.phases:
            table.add_row(name, str(count), f"{seconds:.2f}")
        self.console.print(table)
