"""How far the work is: a bar on a terminal, a line now and then elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from ragset.cli.terminal import one_line, talk

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SECONDS = 5.0
"""Least time between two plain lines of one stage."""


class Shown(Protocol):
    """A progress that ends with its ``with`` block."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of ``total`` units; none when their number is not known."""
        ...

    def advance(self, done: int, note: str = "") -> None:
        """Say how many units of the stage are done by now."""
        ...

    def say(self, line: str) -> None:
        """Say a line."""
        ...

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End, and leave the terminal as it was."""
        ...


def progress(*, quiet: bool) -> Shown:
    """Choose by what stderr is."""
    if quiet:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()


class Silent:
    """Says nothing."""

    def stage(self, name: str, total: int | None) -> None:
        """Say nothing."""

    def advance(self, done: int, note: str = "") -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End."""


class Lines(Silent):
    """Plain lines on stderr: at most one every few seconds, and one at the end of a stage."""

    def __init__(self) -> None:
        """Begin before any stage."""
        self._name, self._total = "", None
        self._done, self._note, self._told, self._last = 0, "", -1, monotonic()

    def stage(self, name: str, total: int | None) -> None:
        """End the stage before, and begin one."""
        self._tell()
        self._name, self._total, self._done, self._note, self._told = name, total, 0, "", 0
        self._last = monotonic()

    def advance(self, done: int, note: str = "") -> None:
        """Remember it; say it when the last line is old enough."""
        self._done, self._note = done, note
        if monotonic() - self._last >= SECONDS:
            self._tell()

    def say(self, line: str) -> None:
        """Say it."""
        talk(line)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the last stage."""
        self._tell()

    def _tell(self) -> None:
        if not self._name or self._done == self._told:
            return
        of = f" of {self._total}" if self._total is not None else ""
        talk(f"{self._name}: {self._done}{of}{f' ({self._note})' if self._note else ''}")
        self._told, self._last = self._done, monotonic()


class Bar(Silent):
    """A bar on the terminal, a line of its own for each stage."""

    def __init__(self) -> None:
        """Make the bar; it appears with the first stage."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True, markup=False, highlight=False)
        self._bar: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
        )
        self._task: TaskID | None = None

    def stage(self, name: str, total: int | None) -> None:
        """Begin a line."""
        self._finish()
        self._bar.start()
        self._task = self._bar.add_task(one_line(name), total=total, note="")

    def advance(self, done: int, note: str = "") -> None:
        """Move the bar."""
        if self._task is not None:
            self._bar.update(self._task, completed=done, note=one_line(note)[:60])

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(one_line(line), soft_wrap=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the bar down."""
        self._finish()
        self._bar.stop()

    def _finish(self) -> None:
        """Stop the pulse of a stage that never knew its total."""
        if self._task is None:
            return
        task = next(task for task in self._bar.tasks if task.id == self._task)
        if task.total is None:
            self._bar.update(self._task, total=task.completed, note="")
