"""The run folder: what a run leaves behind, written so that a kill leaves the old or the new, never half.

``flow.yaml`` (resolved, rerunnable), ``journal.sqlite`` (finished draws), ``kept.jsonl``, ``rejected.jsonl`` (failed
ones too) and ``report.json``. A folder belongs to one flow; the same flow goes on in it, another is refused. It is a
flow's from the first draw that is finished, and only then is what was there before replaced: a run that is refused, or
gets no reply, changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from pydantic import ValidationError

from ragset.errors import FlowError, IndexLockedError, RunFolderError, UsageError
from ragset.flow.compile import Flow, parse_flow
from ragset.flow.files import replace_text, sync
from ragset.flow.journal import Journal, holds_draws
from ragset.flow.rates import Rates
from ragset.kit.lines import dump_line
from ragset.schema.samples import Sample

PAGE = "report.html"
"""The certificate."""
REPORT = "report.json"
RESULTS = ("kept.jsonl", "samples.jsonl", "rejected.jsonl", REPORT, PAGE)
FLOW = "flow.yaml"
FILES = (*RESULTS, FLOW)
JOURNAL = "journal.sqlite"


class RunFolder:
    """One run's folder, held by one process at a time; use as a context manager."""

    def __init__(self, path: Path, flow: Flow, *, force: bool = False, kept_as: str = "kept.jsonl") -> None:
        """Check that the folder is free or belongs to this flow; raises ``RunFolderError``. Nothing is written yet."""
        self.path, self.flow, self.kept_as = path, flow, kept_as
        self.force = force
        self.goes_on = _goes_on(path, flow, force=force)
        self._taken = False
        self._parts: dict[str, IO[str]] = {}

    def __enter__(self) -> Self:
        """Make the folder and lock it; what is in it stays as it is until a draw is finished."""
        from filelock import FileLock, Timeout

        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"cannot be made ({error.strerror})", where=str(self.path)) from error
        self._lock = FileLock(self.path / ".lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout as error:
            hint = "wait for it, or name another --out"
            raise IndexLockedError("another run is writing here", where=str(self.path), hint=hint) from error
        try:  # again: another run may have been here before the lock was ours
            self.goes_on = _goes_on(self.path, self.flow, force=self.force)
            self.kept_before = _lines(self.path / self.kept_as) if self.goes_on else 0
            self.journal = Journal(self.path / JOURNAL, anew=not self.goes_on, before=self._take)
        except BaseException:
            self._lock.release()
            raise
        return self

    @property
    def replaces(self) -> bool:
        """True while another run's results stand here, and this one has finished nothing that would replace them."""
        return not self.goes_on and not self._taken and any((self.path / name).exists() for name in RESULTS)

    def _take(self) -> None:
        """Make the folder this run's: what was another's goes, and the flow is written. Done once."""
        if self._taken:
            return
        if not self.goes_on:  # in this order: a kill in between leaves another flow's journal, or this flow's folder
            for name in RESULTS:
                (self.path / name).unlink(missing_ok=True)
        replace_text(self.path / FLOW, self.flow.to_yaml())
        if not self.goes_on:
            for name in (JOURNAL, JOURNAL + "-wal", JOURNAL + "-shm"):
                (self.path / name).unlink(missing_ok=True)
        self.journal.open()
        self._taken = True

    def add(self, samples: Iterable[Sample]) -> None:
        """Append decided samples to the file of their status; they appear under their names at the end."""
        for sample in samples:
            name = self.kept_as if sample.status == "kept" else "rejected.jsonl"
            self._part(name).write(dump_line(sample) + "\n")

    def finish(self, report: dict[str, Any]) -> None:
        """Put the finished files in place, the report last."""
        self._take()
        for name in (self.kept_as, "rejected.jsonl"):
            part = self._part(name)
            sync(part)
            part.close()
            os.replace(part.name, self.path / name)
        self._parts.clear()
        (self.path / PAGE).unlink(missing_ok=True)  # it would speak of the set before
        replace_text(self.path / REPORT, json.dumps(report, ensure_ascii=False, indent=2) + "\n")

    def _part(self, name: str) -> IO[str]:
        if name not in self._parts:
            self._parts[name] = (self.path / f".{name}.part").open("w", encoding="utf-8", newline="\n")
        return self._parts[name]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the folder; unfinished parts are dropped, the journal keeps what was done."""
        for part in self._parts.values():
            part.close()
            Path(part.name).unlink(missing_ok=True)
        self.journal.__exit__(kind, error, trace)
        self._lock.release()


def read_rates(run: str | Path) -> Rates:
    """Read the rates of a finished run from its folder; raises ``UsageError`` when it holds none."""
    file = Path(run)
    file = file / REPORT if file.is_dir() else file
    hint = "name the folder of a finished run"
    try:
        report: Any = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"holds no finished run ({error.strerror})", where=str(run), hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise UsageError("is not the report of a run", where=str(file), hint=hint) from error
    try:
        return Rates.model_validate(report["rates"])
    except (KeyError, TypeError, ValidationError) as error:
        raise UsageError("says no pass rates", where=str(file), hint=hint) from error


def _lines(path: Path) -> int:
    """Count the lines of a file that may not be there."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _goes_on(path: Path, flow: Flow, *, force: bool) -> bool:
    """Tell whether a run of this flow goes on in a folder, or begins anew.

    Refuses a file, a folder that holds no run, and one that another flow has finished a draw in (which ``force`` may
    replace).
    """
    if not path.exists():
        return False
    hint = "name another --out, or start anew with --force"
    if not path.is_dir():
        raise RunFolderError("is a file, not a folder", where=str(path), hint="name another --out")
    entries = {entry.name for entry in path.iterdir() if entry.name != ".lock" and not entry.name.endswith(".part")}
    if not entries:
        return False
    if not entries & {FLOW, JOURNAL}:
        raise RunFolderError("is not empty and holds no run", where=str(path), hint="name another --out")
    undecided = JOURNAL in entries and not entries & set(RESULTS) and not holds_draws(path / JOURNAL)
    if force or undecided:
        return False
    try:
        same = parse_flow((path / FLOW).read_text("utf-8"), str(path / FLOW)).identity == flow.identity
    except (FlowError, OSError, UnicodeDecodeError) as error:
        raise RunFolderError("holds a flow.yaml that cannot be read", where=str(path), hint=hint) from error
    if not same:
        raise RunFolderError("holds the run of another flow", where=str(path), hint=hint)
    return True
