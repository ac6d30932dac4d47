"""What the public functions give back: sets of samples, runs, and what ingest and verify found."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from ragset.errors import UsageError
from ragset.schema.samples import Sample

SETS = ("kept.jsonl", "samples.jsonl")
"""Files of a run folder that hold its set: a run that judges writes the first, one that only writes the second."""


def set_file(path: str | Path) -> Path:
    """Give the file, or the set in a run folder; raises ``UsageError`` where there is none."""
    path = Path(path)
    if path.is_dir():
        found = next((path / name for name in SETS if (path / name).is_file()), None)
        if found is None:
            raise UsageError("holds no kept.jsonl", where=str(path), hint="give a JSONL file, or the folder of a run")
        return found
    if not path.is_file():
        hint = "give kept.jsonl, rejected.jsonl or samples.jsonl of a run"
        raise UsageError("no such file", where=str(path), hint=hint)
    return path


class EvalSet(Sequence[Sample]):
    """A set of question–answer samples: iterate, index, filter, save, load, export.

    >>> kept = EvalSet.load("out/kept.jsonl")          # doctest: +SKIP
    >>> hard = kept.filter(lambda s: s.measures.get("difficulty") == "hard")  # doctest: +SKIP
    """

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        """Hold the samples in the given order."""
        self.samples: list[Sample] = list(samples)

    @classmethod
    def load(cls, path: str | Path) -> EvalSet:
        """Read ``kept.jsonl``, ``rejected.jsonl`` or ``samples.jsonl``; raises ``UsageError`` with file and line."""
        from ragset.sources.samples import read_samples

        return cls(read_samples(Path(path)))

    def save(self, path: str | Path) -> None:
        """Write JSON lines, one object a line, UTF-8, replacing the file at once."""
        from ragset.kit.lines import dump_line

        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(dump_line(sample) + "\n" for sample in self.samples)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)

    def filter(self, wanted: Callable[[Sample], bool]) -> EvalSet:
        """Give the samples for which ``wanted`` is true, in order."""
        return EvalSet(sample for sample in self.samples if wanted(sample))

    def export(self, format: str, path: str | Path) -> int:
        """Write another format (``openai-chat``, ``prompt-completion``, ``csv``, ``parquet``, …); gives the rows."""
        from ragset.flow.registry import export_class

        return export_class(format)().write(self.samples, Path(path))

    def to_ragas(self) -> Any:
        """Give a ``ragas.EvaluationDataset``; reference context ids are our chunk ids."""
        from ragset.adapters.ragas_dataset import to_ragas

        return to_ragas(self.samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> EvalSet: ...
    def __getitem__(self, index: int | slice) -> Sample | EvalSet:
        """Give one sample, or a set of a slice."""
        return EvalSet(self.samples[index]) if isinstance(index, slice) else self.samples[index]

    def __iter__(self) -> Iterator[Sample]:
        """Iterate in order."""
        return iter(self.samples)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.samples)

    def __eq__(self, other: object) -> bool:
        """Compare sample by sample."""
        return isinstance(other, EvalSet) and self.samples == other.samples

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the size."""
        return f"EvalSet({len(self)} samples)"


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and its report; the samples are read when asked for."""

    folder: Path
    report: dict[str, Any]

    @property
    def kept(self) -> EvalSet:
        """The samples that passed every judge."""
        return EvalSet.load(self.folder / "kept.jsonl")

    @property
    def rejected(self) -> EvalSet:
        """The samples that did not, each with the verdict that says why."""
        return EvalSet.load(self.folder / "rejected.jsonl")

    @property
    def asked(self) -> int | None:
        """How many were asked for."""
        return self.report["asked"]

    @property
    def shortfall(self) -> int:
        """How many fewer were kept than asked for."""
        return self.report["shortfall"]

    def __repr__(self) -> str:
        """Show the folder, and what was kept; the report would fill a notebook."""
        if "kept" not in self.report:
            return f"Run({str(self.folder)!r}: no pairs)"
        of = f" of {self.asked:,} asked for" if self.asked else ""
        return f"Run({str(self.folder)!r}: {self.report['kept']:,} kept{of})"


@dataclass(frozen=True)
class IngestResult:
    """What ingest did to an index; the first four of ``documents`` are counts."""

    index: str
    documents: dict[str, Any]
    chunks: dict[str, int]
    skipped: int = 0

    @property
    def failed(self) -> list[dict[str, str]]:
        """The files that could not be read: ``{path, reason}``."""
        return self.documents["failed"]

    def as_dict(self) -> dict[str, Any]:
        """Give ``{index, documents: {added, unchanged, changed, removed, failed}, chunks: {total, embedded}, …}``."""
        return {"index": self.index, "documents": self.documents, "chunks": self.chunks, "skipped": self.skipped}

    def __repr__(self) -> str:
        """Show the counts, and not each file that failed."""
        counts = {**self.documents, "failed": len(self.failed)}
        said = ", ".join(f"{n:,} {what}" for what, n in counts.items())
        return f"IngestResult({self.index!r}: documents {said}; chunks {self.chunks['total']:,})"


@dataclass(frozen=True)
class VerifyResult:
    """Every evidence span of a set re-checked against an index."""

    counts: Counter[str]
    problems: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    @property
    def ok(self) -> bool:
        """True when every span says what it said."""
        return not self.problems

    def __repr__(self) -> str:
        """Show the counts, and not each problem."""
        said = ", ".join(f"{n:,} {state}" for state, n in self.counts.items())
        return f"VerifyResult({said or 'no spans'})"
