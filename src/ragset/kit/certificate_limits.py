"""What a set can and cannot tell, as the certificate says it: figures of ``report.json`` read with their doubts."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from ragset.kit.certificate_parts import Report, brought, by_builtin, gates_of, percent
from ragset.kit.sample_size import ALPHA, DISCORDANT, POWER, TOO_FEW, questions_needed, smallest_difference

SEEN = (0.01, 0.03, 0.05)
"""Differences of accuracy for which the number of questions is told."""
EASY_SHARE, ABSTAINED_SHARE = 0.8, 0.2
"""Shares from which on the page warns: of easy questions, and of pairs that a judge did not judge."""
LOOKED_UP = ("evidence", "ground", "near_duplicates", "round_trip")
"""Steps whose scores are looked up in the index and the set: there is no judge behind them to be calibrated."""


def limits(report: Report) -> tuple[list[str], list[str]]:
    """Say what the set can and what it cannot tell."""
    kept, rules = report["kept"], by_builtin(report)
    can = (
        [] if kept < TOO_FEW else [*_differences(kept, " on questions like these" if rules else ""), _retrieval(rules)]
    )
    if kept and "evidence" in gates_of(report) and _answered(report):
        can.append("Where an answer stands: every evidence span is checked word for word, and can be again, offline.")
    if kept and not can:
        can.append("What such pairs look like: some are shown below.")
    cannot = ["Which of two generators is better: synthetic sets do not rank these reliably (van Elburg 2025)."]
    if rules:
        cannot.insert(
            0,
            "Which of two good retrievers is better: these questions are reworded sentences, which share \
words with their source.",
        )
    if kept < TOO_FEW:
        few = "1 question is" if kept == 1 else f"{kept:,} questions are"
        cannot.insert(0, f"Which of two systems is better: {few} too few to compare systems; {TOO_FEW} are the least.")
    cannot.append("What your users really ask: how often a topic comes up here says nothing about how often they do.")
    return can, [*cannot, *_reservations(report), *_unmeasured(report)]


def _differences(kept: int, on: str) -> list[str]:
    """Say which differences between systems show; points are rounded up, so that no finer one is promised."""
    seen = [share for share in (smallest_difference(kept, share) for share in DISCORDANT) if share]
    if not seen:
        return []
    low, high = (str(ceil(100 * share - 1e-9)) for share in (seen[0], seen[-1]))
    more = f", of {high} where the two differ more" if high != low else ""
    return [f"With {kept:,} questions, a difference of {low} points or more between two systems shows{on}{more}."]


def _retrieval(rules: bool) -> str:
    """Say what the set tells of retrievers: that synthetic sets rank them was found of what language models wrote."""
    if rules:
        return "Whether a retrieval system works at all: the built-in writer's questions are the least it must answer."
    return "Which retriever settings are better: synthetic sets rank these reliably (van Elburg 2025)."


def _answered(report: Report) -> bool:
    """Tell whether any kept pair has an answer; an older report does not say, and then one is taken to."""
    return bool((report.get("diversity") or {}).get("answer_words", True))


def _reservations(report: Report) -> list[str]:
    """Say what is doubtful about this very set."""
    found: list[str] = []
    difficulty = (report.get("kept_by") or {}).get("difficulty") or {}
    measured = sum(n for name, n in difficulty.items() if name != "not measured")
    if measured and difficulty.get("easy", 0) / measured >= EASY_SHARE:
        easy = percent(difficulty["easy"] / measured)
        found.append(f"Much about hard questions: {easy} find their chunk as the first hit.")
    documents = (report.get("coverage") or {}).get("documents")
    if documents and documents["touched"] < documents["total"]:
        left = documents["total"] - documents["touched"]
        found.append(f"Anything about the {left:,} of {documents['total']:,} documents that no kept pair asks about.")
    for name, gate in gates_of(report).items():
        total = sum(gate.values())
        if total and gate["abstained"] / total >= ABSTAINED_SHARE:
            found.append(f"What {name} says of {percent(gate['abstained'] / total)} of the pairs: it abstained.")
    return found


def _unmeasured(report: Report) -> list[str]:
    """Say what nobody knows of its judges."""
    if not gates_of(report):
        return ["How good its pairs are: no judge looked at them."]
    found: list[str] = []
    if names := uncalibrated(report):
        listed = ", ".join(names[:-1]) + " and " + names[-1] if names[1:] else names[0]
        verb = "are" if names[1:] else "is"
        found.append(f"How often {listed} {verb} wrong: not calibrated on people's labels.")
    if not (report.get("usage") or {}).get("total", {}).get("calls"):
        rules = "the judges are rules here" if brought(report) else "writer and judges are rules here"
        found.append(f"How a language model would judge: {rules}, which know English only.")
    return found


def uncalibrated(report: Report) -> list[str]:
    """Name the judges of a run of which no calibration in force tells how often they are wrong.

    A judge is what asks a model, what names whoever judges (``faithfulness[…]``), and what scores by a rule of its own.
    """
    asked = (report.get("usage") or {}).get("by_step") or {}
    scored = (report.get("verdicts") or {}).keys() - set(LOOKED_UP)
    rows = report.get("calibrations") or ()
    return [
        name
        for name, counts in gates_of(report).items()
        if counts["passed"] + counts["rejected"]
        and ("[" in name or name in asked or name in scored)
        and not any(_speaks_of(row, name) for row in rows)
    ]


def _speaks_of(row: Mapping[str, Any], name: str) -> bool:
    """Tell whether a calibration is of the judge that gave the verdicts called ``name``: ``how-step[by; …]``.

    Without a model, a built-in judge is calibrated by a row that has no band: with one it only goes before a model.
    """
    head, _, inner = name.removesuffix("]").partition("[")
    step = head.removeprefix("ragas-").removeprefix("rubric-").replace("-", "_")
    parts = inner.split("; ")
    by = next((part.removeprefix("judge=") for part in parts if part.startswith("judge=")), parts[0])
    if step not in (row.get("steps") or ()):
        return False
    if row["judge"] == step:
        return f"{row.get('model')} ".startswith(f"{by} ")  # the built-in judge stands there with its version
    alone = not row.get("band") and by.startswith("builtin-")
    return row["judge"] == by or (alone and row["judge"].startswith("builtin-"))


def needed() -> dict[str, Any]:
    """Give the table of questions that are needed."""
    rows = [
        {"points": f"{100 * d:.0f} point{'s' if d > 0.01 else ''}",
         "counts": [f"{questions_needed(d, share):,}" for share in DISCORDANT]}
        for d in SEEN
    ]  # fmt: skip
    note = f"Both systems answer the same questions; chance of seeing the difference {percent(POWER)}, of seeing one \
that is not there {percent(ALPHA)} (paired design, Connor 1987)."
    return {"shares": [percent(share) for share in DISCORDANT], "rows": rows, "note": note}
