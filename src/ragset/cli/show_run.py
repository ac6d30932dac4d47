"""The summary of a run: what was kept, of what kinds, and why the rest was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ragset.cli.show_index import show_failed, show_ingest
from ragset.cli.terminal import one_line, out, out_json, plural, table, talk

FILES = ("kept.jsonl", "samples.jsonl", "rejected.jsonl", "report.json", "flow.yaml")

FAILED = 1
"""Exit code: no pair could be judged."""

RETRY = "mend the cause, then run the same command with --retry-failed"
"""What to do about failures."""

FEWER = 3
"""Exit code: done, but fewer than asked for."""

MOST = 12
"""Rows shown of a long table; the report has all."""


def end(ctx: click.Context, report: dict[str, Any], folder: Path, as_json: bool) -> None:
    """Print the report of a finished run; leave with 1 when every pair failed, with 3 when it fell short."""
    if as_json:
        out_json(report)
    elif "kept" in report:
        show_run(report, folder)
    elif "ingest" in report:
        show_ingest(report["ingest"])
    if all_failed(report):
        first = next(iter(report["failures"]), "no reason is recorded")
        talk(f"error: every pair failed ({first}); {RETRY}")
        ctx.exit(FAILED)
    if report.get("shortfall"):
        ctx.exit(FEWER)


def all_failed(report: Mapping[str, Any]) -> bool:
    """Tell whether a run made or judged samples and every one of them failed: then it shows nothing about them."""
    samples = report.get("samples", {})
    return bool(samples.get("total")) and samples["failed"] == samples["total"]


def show_run(report: dict[str, Any], folder: Path) -> None:
    """Print the summary of ``report.json``."""
    kept_by = report["kept_by"]
    documents = {name: n for name, n in kept_by["document"].items() if name != "none"}
    of = f" of {report['asked']:,} asked for" if report["asked"] else f" of {report['samples']['total']:,}"
    out(f"kept {report['kept']:,}{of}, from {plural(len(documents), 'document')}")
    if ingest := report.get("ingest"):
        show_failed(ingest["documents"]["failed"])
    _counts("question types", kept_by["question_type"])
    _counts("difficulty", kept_by["difficulty"])
    _counts("documents", documents)
    _gates(report["gates"])
    if report["shortfall"]:
        show_shortfall(report)
    elif report["failures"]:
        _counts("failures", report["failures"])
    _files(folder)


def show_shortfall(report: dict[str, Any]) -> None:
    """Say how many are lacking, and count the reasons."""
    draws, samples = report["draws"], report["samples"]
    out()
    tried = draws["total"] - draws["empty"]
    out(
        f"{report['shortfall']:,} fewer than asked for: {plural(tried, 'draw')} gave {plural(samples['total'], 'pair')}"
    )
    reasons = Counter[str](report["reasons"])
    reasons.update({f"failed in {what}": n for what, n in report["failures"].items()})
    if draws["gave_none"]:
        reasons["draws that gave no pair (nothing in the text to ask well)"] = draws["gave_none"]
    table((n, why) for why, n in _largest(reasons))


def _counts(title: str, counts: Mapping[str, int]) -> None:
    if not counts:
        return
    out()
    out(title)
    table((n, name) for name, n in _largest(counts))
    if len(counts) > MOST:
        out(f"  … and {len(counts) - MOST} more in report.json")


def _largest(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST]


def _gates(gates: dict[str, dict[str, int]]) -> None:
    if not gates:
        return
    out()
    out("gates")
    rows = [(judge, n["passed"], n["rejected"], n["abstained"]) for judge, n in gates.items()]
    table([("judge", "passed", "rejected", "abstained"), *rows])


def _files(folder: Path) -> None:
    written = [name for name in FILES if (folder / name).is_file()]
    out()
    out(f"files in {one_line(folder)}: {', '.join(written)}")
    if written and written[0].endswith(".jsonl"):
        out(f"next: ragset show {one_line(folder / written[0])}")
