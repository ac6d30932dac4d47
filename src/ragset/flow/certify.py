"""The certificate of a run folder: reads what the run left, line by line, and writes ``report.html`` beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ragset.errors import UsageError
from ragset.flow.files import replace_text
from ragset.kit.certificate import READ, by_reason, certificate, spread

PAGE = "report.html"
HINT = "give the folder of a finished run: it holds report.json, kept.jsonl and rejected.jsonl"


def certify(run: str | Path) -> Path:
    """Write ``report.html`` into the folder of a finished run, and give its path; raises ``UsageError``."""
    folder = Path(run)
    report = read_report(folder)
    delivered = next((folder / name for name in ("kept.jsonl", "samples.jsonl") if (folder / name).is_file()), None)
    kept = _evenly(delivered, report["kept"]) if delivered else []
    rejected = by_reason(read_lines(folder / "rejected.jsonl"))
    replace_text(folder / PAGE, certificate(report, kept, rejected, folder.resolve().name))
    return folder / PAGE


def read_report(folder: Path) -> dict[str, Any]:
    """Read ``report.json`` of a run that made pairs; raises ``UsageError``."""
    path = folder / "report.json"
    if not path.is_file():
        raise UsageError("holds no finished run", where=str(folder), hint=HINT)
    try:
        report = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot be read ({error})", where=str(path), hint=HINT) from error
    if not isinstance(report, dict) or not {"kept", "samples", "draws", "asked"} <= report.keys():
        raise UsageError("is no report of a run that made pairs", where=str(path), hint=HINT)
    return report


def read_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """Read JSON lines one by one; a file that is not there has none."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        try:
            yield from (json.loads(line) for line in file if line.strip())
        except ValueError as error:
            raise UsageError(f"cannot be read ({error})", where=str(path), hint=HINT) from error


def _evenly(path: Path, total: int) -> list[Mapping[str, Any]]:
    wanted = set(spread(range(total)))
    found = [line for at, line in enumerate(read_lines(path)) if at in wanted]
    return found[:READ]
