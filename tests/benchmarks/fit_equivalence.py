"""Fit the trees of the built-in equivalence judge and write ``src/ragset/kit/equivalence.json``.

Run this file with python: it embeds what is compared (minutes; ``--cache FILE`` keeps the vectors), prints in-sample
figures, five-fold cross-validation grouped by question and each set left out in turn, and writes the trees unless
``--dry`` is given. Every pair is learned from twice, with its question and (a quarter of the weight) without.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ragset.adapters.embedding import open_embedder
from ragset.kit.equivalence import SUNK, THRESHOLD, measured, sunk, texts

DEV = Path(__file__).parents[3] / "shared" / "data" / "dev"
TARGET = Path(__file__).parents[2] / "src" / "ragset" / "kit" / "equivalence.json"
SETS = ("evouna_nq", "evouna_tq", "openqa_nq301", "sas_nq_open", "semeval2013_asag")
_FOR = (
    "most_recall most_new_recall most_f1 most_precision most_pairs phrase squeezed most_last initials mean_recall "
    "best_recall best_new_recall best_precision best_first best_last best_order best_pairs year numbers lead"
)
UP = frozenset(_FOR.split())
"""Evidence for: more of it never lowers the score."""
DOWN = frozenset(("refusal", "negation", "contrary", "place"))
"""Evidence against."""
WITHOUT_QUESTION = 0.25
SEEDS = (0, 1, 2)

Figures = np.ndarray
"""Per set: AUROC and balanced accuracy at the threshold; shape (sets, 2)."""


class Data:
    """The labelled pairs, their weights and groups, and the evidence with and without the question."""

    def __init__(self, sets: tuple[str, ...] = SETS, cache: Path | None = None, *, embed: bool = True) -> None:
        self.rows = [(at, row) for at, name in enumerate(sets) for row in read(name)]
        self.labels = np.array([row["label"] for _, row in self.rows])
        self.sets = np.array([at for at, _ in self.rows])
        keys = [row["question"].lower().strip(" ?") for _, row in self.rows]
        numbers = {key: at for at, key in enumerate(dict.fromkeys(keys))}
        self.groups = np.array([numbers[key] for key in keys])
        self.weights = self._weigh()
        self.vectors = vectors = self._vectors(cache) if embed else None
        pairs = [(row["question"], row["gold"], row["candidate"]) for _, row in self.rows]
        found = [measured(*pair, vectors) for pair in pairs]
        self.names = list(found[0])
        self.full = np.array([[e[n] for n in self.names] for e in found])
        self.kept = np.array([SUNK if sunk(*pair) else 1.0 for pair in pairs])
        bare = [measured("", *pair[1:], vectors) for pair in pairs]
        self.bare = np.array([[e[n] for n in self.names] for e in bare])

    def _weigh(self) -> np.ndarray:
        weights = np.zeros(len(self.rows))
        for at in np.unique(self.sets):
            for label in (0, 1):
                cell = (self.sets == at) & (self.labels == label)
                weights[cell] = 1 / cell.sum()
        return weights * len(weights) / weights.sum()

    def _vectors(self, cache: Path | None) -> dict[str, np.ndarray]:
        known: dict[str, np.ndarray] = {}
        if cache and cache.exists():
            stored = np.load(cache)
            known = dict(zip(json.loads(str(stored["texts"])), stored["vectors"], strict=True))
        wanted = [
            text
            for _, row in self.rows
            for question in (row["question"], "")
            for text in texts(question, row["gold"], row["candidate"])
        ]
        new = [text for text in dict.fromkeys(wanted) if text not in known]
        print(f"{len(new)} texts to embed", flush=True)
        known |= dict(zip(new, asyncio.run(open_embedder().embed(new)), strict=True))
        if cache:
            np.savez(cache, texts=json.dumps(list(known)), vectors=np.stack(list(known.values())))
        return known


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEV / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def fit(data: Data, names: list[str], chosen: np.ndarray) -> Any:
    """Train on the chosen rows, each with and without its question."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = [data.names.index(name) for name in names]
    model = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=5,
        early_stopping=False,
        random_state=0,
        monotonic_cst=[1 if n in UP or n == "cosine" else -1 if n in DOWN else 0 for n in names],
    )
    shares = (1 - WITHOUT_QUESTION, WITHOUT_QUESTION)
    model.fit(
        np.vstack([data.full[chosen][:, columns], data.bare[chosen][:, columns]]),
        np.tile(data.labels[chosen], 2),
        sample_weight=np.concatenate([data.weights[chosen] * share for share in shares]),
    )
    return model


def predict(data: Data, names: list[str], train: np.ndarray, test: np.ndarray) -> np.ndarray:
    columns = [data.names.index(name) for name in names]
    return fit(data, names, train).predict_proba(data.full[test][:, columns])[:, 1] * data.kept[test]


def cross_validated(data: Data, names: list[str], seed: int) -> np.ndarray:
    """Score each pair by trees that saw no pair with its question (five folds)."""
    folds = np.random.default_rng(seed).permutation(data.groups.max() + 1)[data.groups] % 5
    scores = np.zeros(len(folds))
    for fold in range(5):
        scores[folds == fold] = predict(data, names, folds != fold, folds == fold)
    return scores


def left_out(data: Data, names: list[str]) -> np.ndarray:
    """Score each pair by trees that saw neither its set nor its question."""
    scores = np.zeros(len(data.labels))
    for at in np.unique(data.sets):
        inside = data.sets == at
        scores[inside] = predict(data, names, ~inside & ~np.isin(data.groups, data.groups[inside]), inside)
    return scores


def figures(data: Data, scores: np.ndarray) -> Figures:
    found: list[tuple[float, float]] = []
    for at in np.unique(data.sets):
        labels, given = data.labels[data.sets == at], scores[data.sets == at]
        found.append((auroc(given, labels), balanced(given, labels)))
    return np.array(found)


def auroc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half."""
    right, wrong = scores[labels == 1], np.sort(scores[labels == 0])
    below, upto = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return float((below + upto).sum() / 2 / (len(right) * len(wrong)))


def balanced(scores: np.ndarray, labels: np.ndarray) -> float:
    return float(((scores[labels == 1] >= THRESHOLD).mean() + (scores[labels == 0] < THRESHOLD).mean()) / 2)


def show(title: str, found: Figures) -> None:
    cells = "  ".join(f"{a:.3f}/{b:.3f}" for a, b in found)
    print(f"{title:34} {cells}  | {found[:, 0].mean():.4f}/{found[:, 1].mean():.4f}", flush=True)


def compare(data: Data, title: str, names: list[str]) -> None:
    """Print how the trees do on pairs they did not see."""
    folds = [figures(data, cross_validated(data, names, seed)) for seed in SEEDS]
    show(f"{title}: 5 folds, {len(SEEDS)} seeds", np.mean(folds, axis=0))
    show(f"{title}: each set left out", figures(data, left_out(data, names)))


def exported(model: Any, names: list[str]) -> dict[str, Any]:
    """Write trees as plain numbers: a node is (feature, threshold, left, right), a leaf is (value,)."""
    trees: list[list[list[float]]] = []
    for (predictor,) in model._predictors:
        trees.append(
            [
                [round(float(n["value"]), 6)]
                if n["is_leaf"]
                else [int(n["feature_idx"]), round(float(n["num_threshold"]), 7), int(n["left"]), int(n["right"])]
                for n in predictor.nodes
            ]
        )
    return {"features": names, "base": round(float(model._baseline_prediction.ravel()[0]), 6), "trees": trees}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, help="keep the vectors in this .npz file")
    parser.add_argument("--dry", action="store_true", help="print figures, write nothing")
    options = parser.parse_args()
    if not DEV.exists():
        print("shared/ is not here: no labelled data to fit on")
        sys.exit(0)
    data = Data(cache=options.cache)
    lexical = [name for name in data.names if name != "cosine"]
    print(f"AUROC/balanced accuracy at {THRESHOLD}: {', '.join(SETS)} | macro")
    models: dict[str, dict[str, Any]] = {}
    every = np.ones(len(data.labels), bool)
    kinds: list[tuple[str, list[str]]] = [("lexical", lexical), ("embedded", data.names)]
    for title, names in kinds:
        compare(data, title, names)
        models[title] = exported(fit(data, names, every), names)
        show(f"{title}: in sample", figures(data, predict(data, names, every, every)))
    if not options.dry:
        TARGET.write_text(json.dumps(models, separators=(",", ":")) + "\n", encoding="utf-8")
        print(f"written: {TARGET}")


if __name__ == "__main__":
    main()
