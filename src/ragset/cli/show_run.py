"""The summary of a run: what was kept, of what kinds, and why the rest was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ragset.cli.show_index import show_failed, show_ingest
from ragset.cli.terminal import one_line, out, out_json, plural, table, talk
from ragset.flow.run_folder import FILES, PAGE

FAILED = 1
"""Exit code: no pair could be made or judged."""

RETRY = "mend the cause, then run the same command with --retry-failed"
"""What to do about failures."""

FEWER = 3
"""Exit code: done, but fewer than asked for."""

SHOWN = ("document", "question_type", "difficulty", "answerable")
"""Axes that have their own place in the summary."""

AXES = {"persona": "personas", "language": "languages", "style": "styles", "answer_length": "answer lengths"}
"""Titles of the other axes; one that is not here is shown under its name."""

DIVERSITY = {
    "vendi_score": "effective number of different questions (Vendi score)",
    "mean_nearest_cosine": "mean cosine to the nearest other question",
    "self_bleu": "Self-BLEU: 0 shares nothing with the others, 1 copies them",
    "compression_ratio": "compression ratio: the higher, the more alike",
}
"""The measures that the summary shows, with what they say; the report has more."""

REJECTED = "rejected.jsonl"
"""What was not kept, each pair with its reason."""

MOST = 12
"""Rows shown of a long table; the report has all."""

NAMED = 3
"""Documents named of those that gave no pair."""


def end(ctx: click.Context, report: dict[str, Any], folder: Path, as_json: bool) -> None:
    """Print the report of a finished run; leave with 1 when all of it failed, with 3 when it fell short."""
    if as_json:
        out_json(report)
    elif "kept" in report:
        show_run(report, folder)
    elif "ingest" in report:
        show_ingest(report["ingest"])
    if all_failed(report):
        first = next(iter(report["failures"]), "no reason is recorded")
        what = "pair" if report["samples"]["total"] else "draw"
        talk(f"error: every {what} failed ({one_line(first)}); {RETRY}")
        ctx.exit(FAILED)
    if report.get("shortfall"):
        ctx.exit(FEWER)


def all_failed(report: Mapping[str, Any]) -> bool:
    """Tell whether every sample failed, or every draw before it gave one: then the run shows nothing about them."""
    samples, draws = report.get("samples", {}), report.get("draws", {})
    if samples.get("total"):
        return samples["failed"] == samples["total"]
    return bool(draws.get("failed")) and draws["failed"] == draws["total"] - draws["empty"]


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
    for axis, counts in kept_by.items():
        if axis not in SHOWN:
            _counts(AXES.get(str(axis), str(axis).replace("_", " ")), counts)
    if "no" in kept_by.get("answerable", {}):
        _counts("answerable", kept_by["answerable"])
    _gates(report["gates"])
    show_set(report)
    show_usage(report)
    if report.get("ended"):
        out()
        out(f"ended early: {one_line(report['ended'])}")
    _lacking(report.get("lacking") or {}, report.get("given_up") or [])
    if report["shortfall"]:
        show_shortfall(report)
    elif report["failures"]:
        _counts("failures", report["failures"])
    _files(report, folder)


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
    table((n, why) for why, n in _largest(reasons))


def show_usage(report: Mapping[str, Any]) -> None:
    """Print what the models were asked, by step, and what of it this run paid; nothing when no model was asked."""
    usage: dict[str, Any] = report.get("usage") or {}
    if not usage.get("total", {}).get("calls"):
        return
    out()
    out("usage")
    total, kept = usage["total"], report["kept"]
    rows = [(name, *_used(step)) for name, step in usage["by_step"].items()]
    each = [("per kept pair", *_used(total, kept))] if kept else []
    table([("step", "calls", "tokens in", "tokens out", usage["currency"]), *rows, ("all", *_used(total)), *each])
    _paid(report.get("paid") or [])


def show_set(report: Mapping[str, Any]) -> None:
    """Print how varied the kept set is, what it covers, and which axes are not as asked; nothing of what is unknown."""
    diversity, coverage = report.get("diversity") or {}, report.get("coverage") or {}
    rows = [(f"{diversity[key]:,.2f}", what) for key, what in DIVERSITY.items() if diversity.get(key) is not None]
    if rows:
        out()
        out("diversity of the questions")
        table(rows)
    if coverage:
        out()
        out("coverage")
        table((f"{n['touched']:,} of {n['total']:,}", kind) for kind, n in coverage.items() if isinstance(n, Mapping))
        _untouched(coverage.get("map") or ())
    off = [
        (f"{found['distance']:.2f}", name)
        for name, found in (report.get("axes") or {}).items()
        if (found["distance"] or 0) >= 0.005
    ]
    if off:
        out()
        out("axes that are not quite as asked (0 is as asked, 1 is nothing of it)")
        table(off)
    if report.get("same_judge_as_writer"):
        out()
        out("note: the model that judges is the model that wrote")


def _untouched(documents: Sequence[Mapping[str, Any]]) -> None:
    """Name the documents that no kept pair asks about, the largest first."""
    left = sorted((row for row in documents if not row["kept"]), key=lambda row: (-row["chunks"], row["document"]))
    if left:
        named = ", ".join(f"{one_line(row['document'])} ({plural(row['chunks'], 'chunk')})" for row in left[:NAMED])
        out(f"  no pair from {named}{f', … and {len(left) - NAMED:,} more' if len(left) > NAMED else ''}")


def _used(usage: Mapping[str, Any], share: int = 1) -> tuple[str, ...]:
    counts = (usage[what] / share for what in ("calls", "prompt_tokens", "completion_tokens"))
    money = "unknown" if usage["cost"] is None else f"{usage['cost'] / share:,.4f}"
    return (*(f"{count:,.1f}" if share > 1 and count < MOST else f"{count:,.0f}" for count in counts), money)


def _paid(rows: Sequence[Mapping[str, Any]]) -> None:
    """Say what this run sent and what it did not have to send; ``rows`` are counts by role and purpose."""
    if not rows:
        return
    sent, again, cached = (sum(int(row.get(what, 0)) for row in rows) for what in ("calls", "retries", "cached"))
    cached += sum(int(row.get("shared", 0)) for row in rows)
    out(f"  this run: {sent:,} sent ({again:,} of them again after a fault), {cached:,} from the cache")


def _lacking(lacking: Mapping[str, Mapping[str, int]], why: Sequence[str]) -> None:
    rows = [(n, f"{axis}: {value}") for axis, values in lacking.items() for value, n in values.items()]
    if rows:
        out()
        out("quotas that are short")
        table(rows)
    for line in why:
        out(f"  {one_line(line)}")


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


def _files(report: Mapping[str, Any], folder: Path) -> None:
    """Name the files, and the one to read first: the set, or what says why there is none."""
    written = [name for name in FILES if (folder / name).is_file()]
    out()
    out(f"files in {one_line(folder)}: {', '.join(written)}")
    if report["kept"] and written and written[0].endswith(".jsonl"):
        out(f"next: ragset show {one_line(folder / written[0])}")
    elif not report["kept"] and report["samples"]["total"] and REJECTED in written:
        out(f"next: ragset show {one_line(folder / REJECTED)} (no pair was kept; it says why)")
    elif not report["kept"] and PAGE in written:
        out(f"next: open {one_line(folder / PAGE)} (no pair was made)")
