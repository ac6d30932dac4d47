"""The summary of a run: which documents gave nothing, and what to look at next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragset.cli.show_run import show_run, show_set


def report(kept: int, total: int) -> dict[str, Any]:
    draws = {"total": 9, "empty": 0, "gave_samples": total, "gave_none": 9 - total, "failed": 0, "ahead": 0}
    return {
        "asked": 5, "kept": kept, "shortfall": 5 - kept, "draws": draws, "gates": {}, "reasons": {}, "failures": {},
        "samples": {"total": total, "kept": kept, "rejected": total - kept, "failed": 0},
        "kept_by": {"document": {}, "question_type": {}, "difficulty": {}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kept", "total", "files", "line"),
    [
        (2, 3, ("kept.jsonl", "rejected.jsonl", "report.html"), "next: ragset show {}/kept.jsonl"),
        (2, 2, ("samples.jsonl", "rejected.jsonl"), "next: ragset show {}/samples.jsonl"),
        (0, 3, ("kept.jsonl", "rejected.jsonl", "report.html"),
         "next: ragset show {}/rejected.jsonl (no pair was kept; it says why)"),
        (0, 0, ("kept.jsonl", "rejected.jsonl", "report.html"), "next: open {}/report.html (no pair was made)"),
        (0, 0, ("kept.jsonl", "rejected.jsonl"), None),
    ],
)  # fmt: skip
def test_what_comes_next(tmp_path: Path, capsys: Any, kept: int, total: int, files: Any, line: str | None) -> None:
    for name in files:
        (tmp_path / name).touch()
    show_run(report(kept, total), tmp_path)
    found = [said for said in capsys.readouterr().out.splitlines() if said.startswith("next: ")]
    assert found == ([line.format(tmp_path)] if line else [])


def covered(*documents: tuple[str, int, int]) -> dict[str, Any]:
    rows = [{"document": name, "chunks": chunks, "kept": kept} for name, chunks, kept in documents]
    touched = sum(kept > 0 for _, _, kept in documents)
    return {"coverage": {"documents": {"total": len(rows), "touched": touched}, "map": rows, "clusters": []}}


@pytest.mark.parametrize(
    ("documents", "line"),
    [
        ([("c/a.md", 3, 2), ("c/big.pdf", 1200, 0)], "  no pair from c/big.pdf (1,200 chunks)"),
        ([("c/a\x1b[31m\n.md", 1, 0)], "  no pair from c/a .md (1 chunk)"),
        ([(f"c/{n}.md", n, 0) for n in range(1, 6)],
         "  no pair from c/5.md (5 chunks), c/4.md (4 chunks), c/3.md (3 chunks), … and 2 more"),
        ([("c/a.md", 3, 2)], None),
        ([], None),
    ],
)  # fmt: skip
def test_documents_that_gave_nothing_are_named(capsys: Any, documents: Any, line: str | None) -> None:
    show_set(covered(*documents))
    found = [said for said in capsys.readouterr().out.splitlines() if "no pair from" in said]
    assert found == ([line] if line else [])
