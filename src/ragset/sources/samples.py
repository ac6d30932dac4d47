"""The sample source: samples that were made before, by ragset or elsewhere, to be judged again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from pydantic import Field, ValidationError

from ragset.errors import FlowError, UsageError
from ragset.kit.foreign import OWN, format_named
from ragset.kit.foreign.columns import check_columns
from ragset.kit.foreign.reading import check_set, samples_of
from ragset.kit.lines import sample_from_line
from ragset.schema.documents import Chunk, Noun
from ragset.schema.samples import Draw, Sample
from ragset.schema.step import Source, Tools


class Samples(Source):
    """Read ``samples.jsonl``, ``kept.jsonl`` or ``rejected.jsonl``, or a set that another tool made.

    Lines in a row that came of one draw are one draw again, so that siblings are judged together. Old verdicts are
    dropped. What came from elsewhere has no evidence yet: the step ``ground`` finds it.
    """

    name: ClassVar[str] = "samples"
    takes: ClassVar[type[Noun] | None] = Chunk
    gives: ClassVar[type[Noun] | None] = Sample

    path: str
    format: str = Field(default=OWN, description="Format of the file; 'ragset' for ragset's own lines.")
    columns: dict[str, str] = Field(default_factory=dict, description="Columns of plain JSON lines and CSV, by part.")

    def check(self) -> None:
        """Refuse an unknown format, and columns that are not to be named."""
        try:
            if self.format != OWN:
                format_named(self.format)
            check_columns(self.columns, self.format)
        except UsageError as error:
            raise FlowError(error.what, hint=error.hint) from error

    async def draws(self, tools: Tools) -> AsyncIterator[Draw]:
        """Read the file through, so that a bad line is found before anything is judged; then yield its draws."""
        if self.format != OWN:
            check_set(Path(self.path), self.format, self.columns)
            for number, sample in enumerate(samples_of(Path(self.path), self.format, self.columns)):
                yield Draw(number=number, samples=(sample,))
            return
        for _ in read_samples(Path(self.path)):
            pass
        fresh = {"verdicts": (), "status": "open", "failure": None, "measures": {}}
        for number, siblings in enumerate(_siblings(read_samples(Path(self.path)))):
            yield Draw(number=number, samples=tuple(sample.model_copy(update=fresh) for sample in siblings))


def _siblings(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Group samples in a row that are of one scenario; one that comes twice starts anew."""
    group: list[Sample] = []
    for sample in samples:
        if group and (sample.scenario_id != group[0].scenario_id or any(sample.id == one.id for one in group)):
            yield group
            group = []
        group.append(sample)
    if group:
        yield group


def read_samples(path: Path) -> Iterator[Sample]:
    """Read samples from JSON lines, lazily; raises ``UsageError`` with file and line."""
    try:
        with path.open("rb") as lines:
            for at, line in enumerate(lines, 1):
                if line.strip():
                    yield _read(line, f"{path}, line {at}")
    except OSError as error:
        raise UsageError(f"cannot be read ({error})", where=str(path), hint="give a JSONL file of samples") from error


def _read(line: bytes, where: str) -> Sample:
    try:
        data = json.loads(line.decode("utf-8"))
        # What JSON can say and a file cannot hold (lone surrogates, NaN) would break the run when it is written.
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8")
        return sample_from_line(data)
    except (ValueError, ValidationError, TypeError, KeyError, RecursionError) as error:
        reason = str(error).splitlines()[0][:120]
        hint = "give kept.jsonl, rejected.jsonl or samples.jsonl of a ragset run"
        raise UsageError(f"is no sample ({reason})", where=where, hint=hint) from error
