"""Write the calibrations that ship with the built-in judges, from scores of rows that their weights never saw.

The weights are fitted on the very labels, so the figures of ``ragset calibrate builtin-…`` on them are in sample. Here
each row is scored by weights fitted without its context or question (five folds); rules and threshold are as shipped.

    python tests/benchmarks/fit_calibrations.py [--write]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import fit_equivalence
import fit_groundedness

from ragset.kit import calibration_file, equivalence, groundedness
from ragset.kit.calibrating import Judged, JudgedSet, JudgeFacts, measure
from ragset.kit.judging import rounded
from ragset.kit.label_files import read_labels

MAX_ERROR = {groundedness.NAME: 0.1, equivalence.NAME: 0.05}
"""Stated errors of the bands. Groundedness has no upper cut at 5 %: people themselves disagree more than that."""
HOME = Path(calibration_file.__file__).parent / "calibrations"


def groundedness_scores() -> np.ndarray:
    """Score every row as it would be shipped, the weights fitted on the other folds."""
    found = fit_groundedness.read()
    rows, names = fit_groundedness.measured(found, None)
    share = fit_groundedness.SHARE_OF_BASE["lexical"]
    unseen = fit_groundedness.left_out(rows, fit_groundedness.folds(rows, 0), names, share)
    scores = np.zeros(len(found))
    for at, (_, row) in enumerate(found):
        groundedness._modelled = lambda *_, score=float(unseen[at]): score  # type: ignore[assignment]
        scores[at] = groundedness.groundedness(row["context"], row["claim"], row.get("question")).score
    return scores


def equivalence_scores() -> np.ndarray:
    """Score every row by trees of the other folds."""
    data = fit_equivalence.Data(embed=False)
    return fit_equivalence.cross_validated(data, data.names, 0)


def main() -> None:
    """Print the figures, and write the files."""
    options = argparse.ArgumentParser()
    options.add_argument("--write", action="store_true")
    given = options.parse_args()
    judges = ((groundedness, groundedness_scores, fit_groundedness), (equivalence, equivalence_scores, fit_equivalence))
    for judge, scored, fitted in judges:
        scores, sets, at = scored(), list[JudgedSet](), 0
        for name in fitted.SETS:
            labels = read_labels(fitted.DEV / f"{name}.jsonl")
            own = scores[at : at + len(labels.rows)]
            at += len(labels.rows)
            pairs = zip(labels.rows, own, strict=True)
            sets.append(JudgedSet(labels, tuple(Judged(row, rounded(score)) for row, score in pairs)))
        assert at == len(scores), (at, len(scores))
        found = measure(JudgeFacts(judge.NAME, judge.VERSION, judge.THRESHOLD), sets, max_error=MAX_ERROR[judge.NAME])
        it = found.calibration
        print(f"{judge.NAME}: AUROC {it.auroc}, balanced accuracy {it.balanced_accuracy}\n  band {it.band}")
        for each in found.sets:
            print(f"  {each.as_dict()}"[:400])
        if given.write:
            calibration_file.write_calibration(HOME / f"{judge.NAME}.yaml", it)


if __name__ == "__main__":
    main()
