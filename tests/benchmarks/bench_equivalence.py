"""How well the built-in equivalence judge agrees with people, and how fast it is (run this file with python).

AUROC and balanced accuracy at the one shipped threshold, per set and macro, in sample; with ``--folds`` also on pairs
whose question, or whose set, the trees did not see (they are fitted anew, minutes). Speed is on one core, without
embeddings, and stands beside that configuration's AUROC. ``--embeddings`` adds the configuration with MiniLM.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from fit_equivalence import DEV, SETS, Data, compare, figures, read, show

from ragset.kit.equivalence import THRESHOLD, equivalence


def shipped(data: Data) -> np.ndarray:
    """Score each pair by the shipped trees, without embeddings, and print the speed."""
    pairs = [(row["question"], row["gold"], row["candidate"]) for _, row in data.rows]
    began = time.process_time()
    scores = np.array([equivalence(*pair).score for pair in pairs])
    rate = len(pairs) / (time.process_time() - began)
    macro = figures(data, scores).mean(axis=0)
    print(f"without embeddings: {rate:,.0f} pairs a CPU second, macro AUROC {macro[0]:.4f} in sample")
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", action="store_true", help="refit: five folds by question, and each set left out")
    parser.add_argument("--embeddings", action="store_true", help="embed with MiniLM too (minutes)")
    parser.add_argument("--cache", type=Path, help="keep the vectors in this .npz file")
    options = parser.parse_args()
    if not DEV.exists():
        print("shared/ is not here: no labelled data to measure on")
        sys.exit(0)
    data = Data(cache=options.cache, embed=options.embeddings)
    print(f"AUROC/balanced accuracy at {THRESHOLD}: {', '.join(SETS)} | macro")
    print("pairs: " + ", ".join(f"{name} {len(read(name))}" for name in SETS))
    show("shipped, lexical: in sample", figures(data, shipped(data)))
    if data.vectors is not None:
        pairs = [(row["question"], row["gold"], row["candidate"]) for _, row in data.rows]
        scores = np.array([equivalence(*pair, data.vectors).score for pair in pairs])
        show("shipped, embedded: in sample", figures(data, scores))
    if options.folds:
        compare(data, "lexical", [name for name in data.names if name != "cosine"])
        if options.embeddings:
            compare(data, "embedded", data.names)


if __name__ == "__main__":
    main()
