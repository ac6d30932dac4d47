"""The certificate of a run folder: reads what the run left, line by line, and writes ``report.html`` beside it.

A folder that was damaged since is refused: what the page says must be true of the files that lie beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ragset.errors import UsageError
from ragset.flow.files import replace_text
from ragset.flow.run_folder import PAGE, REPORT
from ragset.kit.certificate import by_reason, certificate, spread
from ragset.kit.lines import sample_from_line

KEPT, REJECTED = ("kept.jsonl", "samples.jsonl"), "rejected.jsonl"
"""Files of the kept pairs (the second where nothing judges), and of all others."""
HINT = "give the folder of a finished run: it holds report.json, kept.jsonl and rejected.jsonl"
DAMAGED = "it was changed since the run; run the command that made the folder again, which writes its files anew"


def certify(run: str | Path) -> Path:
    """Write ``report.html`` into the folder of a finished run, and give its path; raises ``UsageError``."""
    folder = Path(run)
    report = read_report(folder)
    wanted = set(spread(range(report["kept"])))
    kept = [line for at, line in enumerate(read_kept(folder, report)) if at in wanted]
    samples = report["samples"]
    rejected = by_reason(_counted(folder / REJECTED, samples["rejected"] + samples["failed"]))
    for line in (*kept, *rejected):
        _check_pair(line, folder)
    page = certificate(report, kept, rejected, folder.resolve().name)
    try:
        replace_text(folder / PAGE, page)
    except OSError as error:
        where, hint = str(folder / PAGE), "the page lies in the folder of the run: it must be writable"
        raise UsageError(f"cannot be written ({error.strerror})", where=where, hint=hint) from error
    return folder / PAGE


def read_report(folder: Path) -> dict[str, Any]:
    """Read ``report.json`` of a run that made pairs; raises ``UsageError``, also where a figure is missing or odd."""
    path = folder / REPORT
    if not path.is_file():
        raise UsageError("holds no finished run", where=str(folder), hint=HINT)
    try:
        report = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot be read ({error})", where=str(path), hint=DAMAGED) from error
    if not isinstance(report, dict) or not {"kept", "samples", "draws", "asked"} <= report.keys():
        raise UsageError("is no report of a run that made pairs", where=str(path), hint=HINT)
    try:
        _Report.model_validate(report)
    except ValidationError as error:
        raise UsageError(_first(error), where=str(path), hint=DAMAGED) from error
    return report


def read_kept(folder: Path, report: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Read the lines of the kept pairs; raises ``UsageError`` unless there are as many as the report says."""
    path = next((folder / name for name in KEPT if (folder / name).is_file()), folder / KEPT[0])
    return _counted(path, report["kept"])


def _counted(path: Path, expected: int) -> Iterator[Mapping[str, Any]]:
    """Read lines one by one, and refuse the file at its end when there are not as many as expected."""
    if not path.is_file():
        raise UsageError("is not there", where=str(path), hint=DAMAGED)
    count = 0
    for line in _lines(path):
        count += 1
        yield line
    if count != expected:
        raise UsageError(f"has {count:,} pairs, and report.json says {expected:,}", where=str(path), hint=DAMAGED)


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            where = f"{path}, line {number}"
            try:
                line = json.loads(text) if text.strip() else None
            except (ValueError, RecursionError) as error:
                raise UsageError(f"is no JSON ({error})", where=where, hint=DAMAGED) from error
            if not isinstance(line, dict) or not isinstance(line.get("id"), str):
                raise UsageError("is no pair", where=where, hint=DAMAGED)
            yield line


def _check_pair(line: Mapping[str, Any], folder: Path) -> None:
    try:
        sample_from_line(line)
    except ValidationError as error:
        raise UsageError(_first(error), where=f"{folder}, pair '{line['id']}'", hint=DAMAGED) from error


def _first(error: ValidationError) -> str:
    """Say what is wrong first, and where."""
    first = error.errors()[0]
    return f"'{'.'.join(str(part) for part in first['loc'])}': {first['msg']}"


Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    """A part of ``report.json``: what the certificate reads of it, other fields being free."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class _Draws(_Part):
    total: Count
    empty: Count


class _Samples(_Part):
    total: Count
    kept: Count
    rejected: Count
    failed: Count


class _Gate(_Part):
    passed: Count
    rejected: Count
    abstained: Count


class _Index(_Part):
    name: str
    version: str
    embedder: str | None = None


class _Set(_Part):
    file: str
    format: str
    pairs: Count
    given_contexts: Count
    matched_by_retrieval: Count
    not_matched: Count


class _Used(_Part):
    calls: Count
    prompt_tokens: Count
    completion_tokens: Count
    cost: Amount | None


class _Usage(_Part):
    by_step: dict[str, _Used]
    total: _Used
    per_kept: dict[str, Amount | None]
    cost: Amount | None
    currency: str


class _Scores(_Part):
    low: float
    high: float
    mean: float
    scored: Count
    kept: list[Count]
    others: list[Count]

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if len(self.kept) != len(self.others):
            raise ValueError("as many bins of kept pairs as of others")
        return self


class _Estimate(_Part):
    value: float
    low: float
    high: float


class _Cuts(_Part):
    low: float | None = None
    high: float | None = None
    max_error: float


class _Calibrated(_Part):
    judge: str
    model: str | None = None
    threshold: float
    auroc: _Estimate
    balanced_accuracy: _Estimate
    band: _Cuts | None = None
    rows: Count
    steps: list[str] = []


class _Share(_Part):
    total: Count
    touched: Count
    share: Amount | None


class _Mapped(_Part):
    document: str
    chunks: Count
    kept: Count
    at: dict[str, Count]


class _Topic(_Part):
    terms: list[str]
    chunks: Count
    kept: Count


class _Coverage(_Part):
    documents: _Share
    chunks: _Share
    topics: _Share
    map: list[_Mapped]
    clusters: list[_Topic]


class _Diversity(_Part):
    vendi_score: float | None = None
    mean_nearest_cosine: float | None = None
    compression_ratio: float | None = None
    self_repetition: float | None = None
    self_bleu: float | None = None


class _Value(_Part):
    asked: Amount | None
    wanted: Count | None
    kept: Count
    share: Amount | None


class _Axis(_Part):
    quota: bool
    values: dict[str, _Value]


class _Report(_Part):
    flow: str | None = None
    asked: Count | None
    kept: Count
    shortfall: Count = 0
    ended: str | None = None
    draws: _Draws
    samples: _Samples
    models: dict[str, str] = {}
    index: _Index | None = None
    set: _Set | None = None
    gates: dict[str, _Gate] = {}
    reasons: dict[str, Count] = {}
    failures: dict[str, Count] = {}
    kept_by: dict[str, dict[str, Count]] = {}
    usage: _Usage | None = None
    verdicts: dict[str, _Scores] = {}
    calibrations: list[_Calibrated] = []
    coverage: _Coverage | None = None
    diversity: _Diversity | None = None
    axes: dict[str, _Axis] = {}
    prompts: dict[str, str] = {}
    same_judge_as_writer: bool = False
