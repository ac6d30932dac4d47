"""How well the built-in groundedness judge agrees with people, and how fast it is (run this file with python).

First the shipped judge at its one threshold, with its speed on one core. The weights were fitted on these rows, so that
its figures are no estimate; that are the ones for rows left out, which follow (``--shipped`` leaves them away). Answer
equivalence has a benchmark of its own, ``bench_equivalence.py``. With ``--vectors FILE.npz`` the configuration with the
packaged embedding model is measured too; the file keeps its vectors, which take a quarter of an hour to make.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fit_groundedness import DEV, SETS, SHARE_OF_BASE, auroc, balanced, embedded, measured, read, report

from ragset.kit.groundedness import THRESHOLD, groundedness


def measure(title: str, found: list[tuple[int, dict[str, Any]]], vectors: Mapping[str, Any] | None) -> None:
    print(f"\n{title}, as shipped (rows it was fitted on)\n{'set':24} {'rows':>5} {'AUROC':>6} {'bal.acc':>7}")
    groundedness(
        "It is open.", "It is open.", None, {"It is open.": np.ones(384)} if vectors else None
    )  # loads weights
    began = time.process_time()
    scores = np.array(
        [groundedness(row["context"], row["claim"], row.get("question"), vectors).score for _, row in found]
    )
    seconds = time.process_time() - began
    sets, labels = np.array([at for at, _ in found]), np.array([row["label"] for _, row in found])
    figures: list[tuple[float, float]] = []
    for at, name in enumerate(SETS):
        mine = sets == at
        figures.append((auroc(scores[mine], labels[mine]), balanced(scores[mine], labels[mine], THRESHOLD)))
        print(f"{name:24} {mine.sum():5} {figures[-1][0]:6.3f} {figures[-1][1]:7.3f}")
    mean = np.array(figures).mean(axis=0)
    speed = f"{len(found) / seconds:.0f} pairs a CPU second{', embedding not counted' if vectors else ''}"
    print(f"{'macro mean':24} {len(found):5} {mean[0]:6.3f} {mean[1]:7.3f}   {speed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--vectors", type=Path)
    options = parser.parse_args()
    if not DEV.exists():
        print("shared/ is not here: no labelled data to measure on")
        sys.exit(0)
    found = read()
    for name, share in SHARE_OF_BASE.items():
        if name == "embedded" and not options.vectors:
            continue
        vectors = asyncio.run(embedded(found, options.vectors)) if name == "embedded" else None
        measure(name, found, vectors)
        if not options.shipped:
            report(f"{name}, rows left out", *measured(found, vectors), share)


if __name__ == "__main__":
    main()
