"""Reports of finished runs: the certificate of one, and several side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragset.flow.certify import certify, read_kept, read_report
from ragset.kit.certificate_parts import CHOOSING, MEANINGS, models

__all__ = ["Comparison", "certify", "compare"]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side: their names, and rows of (what, one value a run; none where it is not known)."""

    runs: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Any, ...]], ...]

    def as_dict(self) -> dict[str, Any]:
        """Give ``{runs: [...], figures: {what: [...]}}``."""
        return {"runs": list(self.runs), "figures": {what: list(values) for what, values in self.rows}}


def compare(runs: Iterable[str | Path]) -> Comparison:
    """Put finished runs side by side; raises ``UsageError`` for a folder that holds none."""
    folders = [Path(run) for run in runs]
    reports = [read_report(folder) for folder in folders]
    ids = [{line["id"] for line in read_kept(folder, report)} for folder, report in zip(folders, reports, strict=True)]
    named = [{**report, "models": dict(models(report))} for report in reports]
    rows = [(what, tuple(_at(report, path) for report in named)) for what, path in FIGURES]
    rows.append(("pairs that the first run has too", tuple(len(ids[0] & own) for own in ids)))
    gates = dict.fromkeys(name.split("[")[0] for report in reports for name in report.get("gates", {}))
    how = {gate: "left out" if gate in CHOOSING else "rejected" for gate in gates}
    rows += [(f"{how[gate]} by {gate}", tuple(_rejected(report, gate) for report in reports)) for gate in gates]
    told = [(what, values) for what, values in rows if any(value is not None for value in values)]
    return Comparison(tuple(str(folder) for folder in folders), tuple(told))


FIGURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("flow", ("flow",)),
    ("index version", ("index", "version")),
    ("writer", ("models", "writer")),
    ("answerer", ("models", "answerer")),
    ("judge", ("models", "judge")),
    ("asked", ("asked",)),
    ("kept", ("kept",)),
    ("failed", ("samples", "failed")),
    ("pairs made", ("samples", "total")),
    ("calls a kept pair", ("usage", "per_kept", "calls")),
    ("tokens a kept pair", ("usage", "per_kept", "tokens")),
    ("cost in all", ("usage", "cost")),
    ("easy", ("difficulty", "levels", "easy")),
    ("medium", ("difficulty", "levels", "medium")),
    ("hard", ("difficulty", "levels", "hard")),
    *((f"{what} asked about", ("coverage", what, "touched")) for what in ("documents", "chunks", "topics")),
    *((what, ("diversity", key)) for key, (what, _) in MEANINGS.items()),
)
"""What is compared, and where it stands in ``report.json``."""


def _at(report: Mapping[str, Any], path: Sequence[str]) -> Any:
    found: Any = report
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _rejected(report: Mapping[str, Any], gate: str) -> int | None:
    found = [counts["rejected"] for name, counts in report.get("gates", {}).items() if name.split("[")[0] == gate]
    return sum(found) if found else None
