"""How well the built-in judge agrees with people, and how fast it is (run this file with python).

For each labelled development set: AUROC of the score, and balanced accuracy at the one shipped threshold. A claim of
several sentences scores the mean of its statements.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ragset.kit.builtin_judge import equivalence, statements_of, support
from ragset.kit.entailment import THRESHOLD

DEV = Path(__file__).parents[3] / "shared" / "data" / "dev"
GROUNDEDNESS = (
    "ragtruth_qa ragtruth_summary mtrag_human attributionbench begin faithdial_audit qags summeval factcheckgpt_stance"
)
EQUIVALENCE = "evouna_nq evouna_tq openqa_nq301 sas_nq_open semeval2013_asag"


def auroc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half."""
    right, wrong = scores[labels == 1], np.sort(scores[labels == 0])
    below, upto = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return float((below + upto).sum() / 2 / (len(right) * len(wrong)))


def balanced(scores: np.ndarray, labels: np.ndarray) -> float:
    return float(((scores[labels == 1] >= THRESHOLD).mean() + (scores[labels == 0] < THRESHOLD).mean()) / 2)


def grounded(row: dict[str, Any]) -> float:
    scores = [support(row["context"], s).score for s in statements_of(row["claim"])] or [0.0]
    return sum(scores) / len(scores)


def equal(row: dict[str, Any]) -> float:
    return max(equivalence(row["candidate"], gold) for gold in row["gold"])


def measure(title: str, names: str, score: Callable[[dict[str, Any]], float]) -> None:
    print(f"\n{title}\n{'set':24} {'rows':>5} {'AUROC':>6} {'bal.acc':>7}")
    figures: list[tuple[float, float]] = []
    rows, began = 0, time.process_time()
    for name in names.split():
        items = [json.loads(line) for line in (DEV / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        scores, labels = np.array([score(item) for item in items]), np.array([item["label"] for item in items])
        figures.append((auroc(scores, labels), balanced(scores, labels)))
        rows += len(items)
        print(f"{name:24} {len(items):5} {figures[-1][0]:6.3f} {figures[-1][1]:7.3f}")
    seconds = time.process_time() - began
    mean = np.array(figures).mean(axis=0)
    print(f"{'macro mean':24} {rows:5} {mean[0]:6.3f} {mean[1]:7.3f}   {rows / seconds:.0f} pairs a CPU second")


def main() -> None:
    if not DEV.exists():
        print("shared/ is not here: no labelled data to measure on")
        sys.exit(0)
    measure("A: groundedness of a claim in a context", GROUNDEDNESS, grounded)
    measure("B: equivalence of an answer with gold answers", EQUIVALENCE, equal)


if __name__ == "__main__":
    main()
