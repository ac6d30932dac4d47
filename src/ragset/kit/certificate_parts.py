"""What the sections of the certificate show: figures of ``report.json`` as rows of text, nothing computed anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragset.schema.models import BUILTIN

Report = Mapping[str, Any]

MOST_ROWS, MOST_CELLS = 40, 200
"""Documents, and chunks of one, that are drawn."""
CHOOSING = ("keep", "select")
"""Steps that leave out pairs which passed every gate: the order is filled, a cap is reached, others differ more."""
ROLES = ("writer", "answerer", "judge")
"""Who may be a model."""
EXTRACTIVE = "extractive"
"""Name of the built-in writer in the provenance of its pairs."""
NAMELESS = "(no words: numbers and signs alone)"
"""What a topic is called when no word can name it."""
READING = ("rag_qa", "samples")
"""Steps that refuse what cannot be read as a pair; they judge none."""


def percent(share: float, digits: int = 0) -> str:
    """Write a share."""
    return f"{100 * share:.{digits}f} %"


def subtitle(report: Report) -> str:
    """Say which flow, index and embedder."""
    index = report.get("index") or {}
    pieces = [f"flow {report['flow']}"] if report.get("flow") else []
    pieces += [f"index {index['name']} (version {index['version'][:8]})"] if index.get("name") else []
    pieces += [f"embedded by {index['embedder']}"] if index.get("embedder") else []
    return " · ".join(pieces)


def warnings(report: Report) -> list[str]:
    """Say what a reader must not overlook."""
    found: list[str] = []
    if report.get("set"):
        found.append(_brought(report["set"]))
    if report.get("ended"):
        found.append(f"The run ended early: {report['ended']}")
    if report.get("shortfall"):
        found.append(f"{report['shortfall']:,} fewer pairs than the {report['asked']:,} asked for.")
    if report.get("same_judge_as_writer"):
        found.append("The model that judges is the model that wrote: it tends to like what it writes.")
    if failed := report["samples"]["failed"]:
        pairs, them = ("pair", "it") if failed == 1 else ("pairs", "them")
        found.append(f"{failed:,} {pairs} failed: a judge broke on {them}, and nothing is claimed about {them}.")
    return found


def _brought(found: Mapping[str, Any]) -> str:
    """Say what a foreign set was, and how its pairs were put into the index."""
    said = {
        "given_contexts": "with given contexts that stand in the index",
        "matched_by_retrieval": "without contexts, matched by retrieval (nobody said what answers them)",
        "not_matched": "without a place in the index",
    }
    parts = [f"{found[what]:,} {how}" for what, how in said.items() if found[what]]
    pairs = "1 pair" if found["pairs"] == 1 else f"{found['pairs']:,} pairs"
    return f"{pairs} from {found['file']}, read as {found['format']}{': ' if parts else ''}{', '.join(parts)}."


def _rejected_by(report: Report, names: Sequence[str]) -> int:
    gates = report.get("gates") or {}
    return sum(gates[name]["rejected"] for name in names if name in gates)


def gates_of(report: Report) -> dict[str, Mapping[str, int]]:
    """Give the counts of every gate: of what judges pairs. A run that only writes has none."""
    no_gates = (*CHOOSING, *READING)
    return {name: counts for name, counts in (report.get("gates") or {}).items() if name not in no_gates}


def figures(report: Report) -> list[dict[str, str]]:
    """Give the figures at the head."""
    samples = report["samples"]
    judged = samples["kept"] + samples["rejected"] - _rejected_by(report, READING)
    found = [(f"{report['kept']:,}", "pairs kept" + (f" of {report['asked']:,} asked for" if report["asked"] else ""))]
    if judged > 0 and gates_of(report):
        passed = samples["kept"] + _rejected_by(report, CHOOSING)
        found.append((percent(passed / judged), f"of the {judged:,} judged pairs passed every gate"))
    documents = (report.get("coverage") or {}).get("documents")
    if documents:
        found.append((f"{documents['touched']:,} of {documents['total']:,}", "documents asked about"))
    each = (report.get("usage") or {}).get("per_kept") or {}
    if each.get("calls"):
        found.append((f"{each['calls']:.1f}", "model calls a kept pair"))
    cost = (report.get("usage") or {}).get("cost")
    if cost and report["kept"]:
        found.append((f"{cost / report['kept']:.4f}", f"{report['usage']['currency']} a kept pair"))
    return [{"value": value, "what": what} for value, what in found]


def yields(report: Report) -> dict[str, Any]:
    """Give a row a gate, the reasons and the failures."""
    draws, samples = report["draws"], report["samples"]
    left, refused = _rejected_by(report, CHOOSING), _rejected_by(report, READING)
    parts = [
        f"{samples['kept']:,} kept",
        f"{samples['rejected'] - left - refused:,} rejected by a gate",
        f"{left:,} left out though they passed every gate" if left else "",
        f"{refused:,} refused before any gate" if refused else "",
        f"{samples['failed']:,} failed",
    ]
    given = f"{draws['total'] - draws['empty']:,} draws gave {samples['total']:,} pairs"
    line = f"{given}: {', '.join(filter(None, parts))}."
    gates = [{"name": name, "total": max(1, sum(n.values())), **n} for name, n in gates_of(report).items()]
    if gates:
        line += " A pair that one gate rejects skips those after it, unless the flow asks for all scores."
    reasons, failures = (list((report.get(key) or {}).items())[:20] for key in ("reasons", "failures"))
    return {"line": line, "gates": gates, "reasons": reasons, "failures": failures}


def calibrations(report: Report) -> list[dict[str, str]]:
    """Give a row a calibration that was in force."""
    return [
        {
            "judge": f"{row['judge']}" + (f" ({row['model']})" if row.get("model") else ""),
            "threshold": f"{row['threshold']:g}",
            "auroc": _interval(row["auroc"]),
            "balanced": _interval(row["balanced_accuracy"]),
            "band": _alone(row, report),
            "labels": f"{row['rows']:,}",
        }
        for row in report.get("calibrations") or ()
    ]


def _interval(estimate: Mapping[str, float]) -> str:
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})"


def _alone(row: Mapping[str, Any], report: Report) -> str:
    """Say which scores of a built-in judge are not sent on to a model; a judge behind it sends nothing on."""
    if not row["judge"].startswith("builtin-"):
        return "–"
    if (report.get("models") or {}).get("judge", BUILTIN) == BUILTIN:
        return "all: no model judges"
    band = row.get("band")
    if not band:
        return "never"
    cuts = [f"below {band['low']:g}" if band.get("low") is not None else "",
            f"from {band['high']:g}" if band.get("high") is not None else ""]  # fmt: skip
    return f"{' and '.join(filter(None, cuts))}, wrong in at most {percent(band['max_error'])}"


def brought(report: Report) -> bool:
    """Tell whether the pairs were made elsewhere, and only judged by this run."""
    return bool(report.get("set")) or report.get("flow") == "validate"


def by_builtin(report: Report) -> bool:
    """Tell whether the built-in writer wrote the pairs, in this run or before it."""
    if writers := report.get("writers"):
        return writers == [EXTRACTIVE]
    return not brought(report) and (report.get("models") or {}).get("writer") == BUILTIN


def models(report: Report) -> list[tuple[str, str]]:
    """Give role and model; who wrote pairs that were only judged is not for this run to say.

    A role that the flow leaves open is ``builtin``; a run without gates has no answerer and no judge.
    """
    found = dict.fromkeys(ROLES if gates_of(report) else ROLES[:1], BUILTIN)
    found |= {str(role): str(name) for role, name in (report.get("models") or {}).items()}
    if by_builtin(report):
        found["writer"] = BUILTIN
    if brought(report):
        of = f"{report['set']['format']} set" if report.get("set") else "not part of this run"
        found["writer"] = f"not known ({of})"
    return list(found.items())


def prompts(report: Report) -> list[tuple[str, str]]:
    """Give prompt and hash."""
    return [(str(name), str(found)) for name, found in (report.get("prompts") or {}).items()]


def usage(report: Report) -> dict[str, Any]:
    """Give a row a step and the sums."""
    found = report.get("usage") or {}
    if not found.get("total", {}).get("calls"):
        return {"rows": [], "currency": ""}
    rows = [_used(name, step) for name, step in [*found["by_step"].items(), ("all", found["total"])]]
    kept = report["kept"]
    if kept:
        total = found["total"]
        each = {what: total[what] / kept for what in ("calls", "prompt_tokens", "completion_tokens")}
        cost = None if total["cost"] is None else total["cost"] / kept
        rows.append(_used("per kept pair", {**each, "cost": cost}))
    return {"rows": rows, "currency": found["currency"]}


def _used(name: str, step: Mapping[str, Any]) -> Sequence[str]:
    counts = (step[what] for what in ("calls", "prompt_tokens", "completion_tokens"))
    written = (f"{n:,.1f}" if isinstance(n, float) and n < 100 else f"{n:,.0f}" for n in counts)
    return (name, *written, "unknown" if step["cost"] is None else f"{step['cost']:,.4f}")


def verdicts(report: Report) -> list[dict[str, Any]]:
    """Give a histogram a judge: kept and other pairs above one another."""
    found: list[dict[str, Any]] = []
    for name, row in (report.get("verdicts") or {}).items():
        if name in CHOOSING:
            continue
        most = max([k + o for k, o in zip(row["kept"], row["others"], strict=True)] or [0]) or 1
        bins = [(round(100 * k / most, 1), round(100 * o / most, 1))
                for k, o in zip(row["kept"], row["others"], strict=True)]  # fmt: skip
        note = f"{row['scored']:,} scores, mean {row['mean']:.2f}"
        found.append({"name": name, "bins": bins, "low": f"{row['low']:g}", "high": f"{row['high']:g}", "note": note})
    return found


def coverage(report: Report) -> dict[str, Any] | None:
    """Give the shares in words, a row a document with a cell a chunk, and a row a topic."""
    found = report.get("coverage")
    if not found:
        return None
    shares = (
        f"{found[what]['touched']:,} of {found[what]['total']:,} {what} ({percent(found[what]['share'] or 0)})"
        for what in ("documents", "chunks", "topics")
    )
    rows = sorted(found["map"], key=lambda row: (-row["kept"], row["document"]))
    hidden = len(rows) - MOST_ROWS
    return {
        "line": f"The kept pairs ask about {', '.join(shares)}.",
        "documents": [_document(row) for row in rows[:MOST_ROWS]],
        "hidden": f"… and {hidden:,} more documents in report.json" if hidden > 0 else "",
        "topics": _topics(found["clusters"]),
    }


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    cells = [min(2, row["at"].get(str(at), 0)) for at in range(min(row["chunks"], MOST_CELLS))]
    more = row["chunks"] - MOST_CELLS
    return {
        "name": row["document"],
        "kept": row["kept"],
        "cells": cells,
        "more": f"… {more:,} more chunks" if more > 0 else "",
    }


def _topics(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    chunks, kept = (sum(row[what] for row in rows) or 1 for what in ("chunks", "kept"))
    largest = max([*(row["chunks"] / chunks for row in rows), *(row["kept"] / kept for row in rows), 0.01])
    return [
        {
            "terms": ", ".join(row["terms"]) or NAMELESS,
            "chunks": row["chunks"],
            "kept": row["kept"],
            "share_chunks": round(100 * row["chunks"] / chunks / largest, 1),
            "share_kept": round(100 * row["kept"] / kept / largest, 1),
        }
        for row in rows
    ]


MEANINGS = {
    "vendi_score": ("Vendi score", "as many questions as if all were unlike each other (Friedman and Dieng 2023)"),
    "mean_nearest_cosine": ("mean nearest cosine", "how near the next question is; 1 would be a set of copies"),
    "compression_ratio": ("compression ratio", "text over its zipped size; lower is more varied (Shaib et al. 2024)"),
    "self_repetition": (
        "self-repetition",
        "of four words in a row, across questions; 0 is none (Salkar et al. 2022)",
    ),
    "self_bleu": ("Self-BLEU", "how much a question shares with the others; lower is more varied (Zhu et al. 2018)"),
}
"""Figures of diversity: what they are called, and how to read them."""


def diversity(report: Report) -> list[dict[str, str]]:
    """Give a row a figure."""
    found = report.get("diversity") or {}
    return [
        {"what": what, "value": f"{found[key]:,.3f}", "meaning": meaning}
        for key, (what, meaning) in MEANINGS.items()
        if found.get(key) is not None
    ]


def axes(report: Report) -> list[dict[str, Any]]:
    """Give, for each axis but documents, what was kept of each value, and what was asked for."""
    found: list[dict[str, Any]] = []
    for name, axis in (report.get("axes") or {}).items():
        if name == "document" or (len(axis["values"]) < 2 and not axis["quota"]):
            continue
        rows = sorted(axis["values"].items(), key=lambda item: -item[1]["kept"])[:MOST_ROWS]
        found.append({"name": str(name).replace("_", " "), "rows": [_value(value, row) for value, row in rows]})
    return found


def _value(value: str, row: Mapping[str, Any]) -> dict[str, Any]:
    asked = row["wanted"] if row["wanted"] is not None else None if row["asked"] is None else percent(row["asked"])
    return {"value": value, "got": row["kept"], "asked": asked, "share": round(100 * (row["share"] or 0), 1)}
