"""Fit the weights of the groundedness judge on the development sets, and say how well they do on rows left out.

Run with python; ``--write`` puts the weights into the package, ``--vectors FILE.npz`` keeps the vectors of the
embedding model between runs (they take minutes), ``--lexical`` leaves that model out. Every set and, within it, every
label weighs the same. Groups that are never parted: rows of one set that share a context or a question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragset.adapters.embedding import open_embedder
from ragset.kit import groundedness_model
from ragset.kit.groundedness import Rule, bounded, ruled
from ragset.kit.groundedness_evidence import NAMES, Source, weigh
from ragset.kit.groundedness_model import CLIP, FILE
from ragset.kit.groundedness_vectors import VECTOR_NAMES, near, texts_to_embed

DEV = Path(__file__).parents[3] / "shared" / "data" / "dev"
_SETS = (
    "ragtruth_qa ragtruth_summary mtrag_human attributionbench begin faithdial_audit qags summeval factcheckgpt_stance"
)
SETS = _SETS.split()
_BASE = "neighbours density refuses uncovered first_person asks negated_alone names_elsewhere exclaims"
BASE = _BASE.split()
"""Figures of the base model, chosen by forward selection for the sum of all four macro figures below."""
BASE_RIDGE, KERNEL_RIDGE, LINEAR_RIDGE = 30.0, 0.4, 200.0
GAMMA = 1.0
"""Width of the kernel: exp(-GAMMA / d * squared distance) for d figures."""
CENTRES = 450
SHARE_OF_BASE = {"lexical": 0.2, "embedded": 0.2}
"""What the base model alone counts; more of it is better for kinds of text never seen, less for those seen."""
FOLDS, SEEDS = 5, 3

Array = np.ndarray
Predict = Callable[[Array], Array]


@dataclass
class Rows:
    """Figures (n × d), labels, number of the set and of the group of each row, and the rule that applies to it."""

    figures: Array
    labels: Array
    sets: Array
    groups: Array
    rules: list[Rule | None]

    def judged(self, modelled: Array) -> Array:
        """Give the judge's scores: the model's, put where the rules want them."""
        return np.array([bounded(float(score), rule) for score, rule in zip(modelled, self.rules, strict=True)])


def auroc(scores: Array, labels: Array) -> float:
    """Area under the ROC curve, ties counted half."""
    right, wrong = scores[labels == 1], np.sort(scores[labels == 0])
    below, upto = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return float((below + upto).sum() / 2 / (len(right) * len(wrong)))


def balanced(scores: Array, labels: Array, threshold: float = 0.5) -> float:
    return float(((scores[labels == 1] >= threshold).mean() + (scores[labels == 0] < threshold).mean()) / 2)


def per_set(scores: Array, rows: Rows) -> list[tuple[float, float]]:
    parts = [rows.sets == at for at in range(len(SETS))]
    return [(auroc(scores[p], rows.labels[p]), balanced(scores[p], rows.labels[p])) for p in parts]


def weights_of(rows: Rows, at: Array) -> Array:
    """Weigh the rows so that every set, and in it every label, counts the same; their mean is 1."""
    weights = np.zeros(len(at))
    for number in range(len(SETS)):
        for label in (0, 1):
            some = (rows.sets[at] == number) & (rows.labels[at] == label)
            weights[some] = 1 / max(1, some.sum())
    return weights * len(at) / weights.sum()


def logistic(x: Array, y: Array, weights: Array, ridge: Array, offset: Array | float = 0.0) -> Array:
    """Fit a logistic regression with a bias (last) by Newton's method; ``ridge`` is one number a column."""
    columns = np.hstack([x, np.ones((len(x), 1))])
    penalty = np.diag(np.append(ridge, 1e-6))
    found = np.zeros(columns.shape[1])
    for _ in range(8):
        p = 1 / (1 + np.exp(-np.clip(offset + columns @ found, -30, 30)))
        gradient = columns.T @ (weights * (p - y)) + penalty @ found
        found -= np.linalg.solve((columns * (weights * p * (1 - p))[:, None]).T @ columns + penalty, gradient)
    return found


def kernel(x: Array, centres: Array, gamma: float) -> Array:
    squares = (x**2).sum(1)[:, None] + (centres**2).sum(1)[None] - 2 * x @ centres.T
    return np.exp(-gamma * np.maximum(squares, 0))


def centres_of(z: Array, weights: Array, seed: int = 0) -> Array:
    """Find the centres of the kernel terms by k-means (Lloyd, ten rounds from weighted random rows)."""
    rng = np.random.default_rng(seed)
    centres = z[rng.choice(len(z), CENTRES, replace=False, p=weights / weights.sum())]
    for _ in range(10):
        nearest = kernel(z, centres, 1e-3).argmax(axis=1)
        for at in np.unique(nearest):
            mine = nearest == at
            centres[at] = np.average(z[mine], axis=0, weights=weights[mine])
    return centres


def fit(rows: Rows, at: Array, names: list[str], share: float) -> dict[str, Any]:
    """Fit one configuration on the rows ``at``; returns what the package ships, rounded as it is shipped."""
    x, y, weights = rows.figures[at], rows.labels[at], weights_of(rows, at)
    mean = np.average(x, axis=0, weights=weights).round(6)
    scale = (np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights)) + 1e-6).round(6)
    z = np.clip((x - mean) / scale, -CLIP, CLIP)
    chosen = [names.index(name) for name in BASE]
    base = logistic(z[:, chosen], y, weights, np.full(len(BASE), BASE_RIDGE))
    gamma = round(GAMMA / len(names), 6)
    centres = centres_of(z, weights).round(2)
    values, vectors = np.linalg.eigh(kernel(centres, centres, gamma) + 1e-6 * np.eye(len(centres)))
    turn = vectors / np.sqrt(np.maximum(values, 1e-9))
    terms = np.hstack([kernel(z, centres, gamma) @ turn, z])
    ridge = np.concatenate([np.full(len(centres), KERNEL_RIDGE), np.full(len(names), LINEAR_RIDGE)])
    correction = (1 - share) * logistic(terms, y, weights, ridge, z[:, chosen] @ base[:-1] + base[-1])
    linear = correction[len(centres) : -1].copy()
    linear[chosen] += base[:-1]
    return {
        "names": names,
        "mean": mean.tolist(),
        "scale": scale.tolist(),
        "linear": linear.round(4).tolist(),
        "bias": round(float(base[-1] + correction[-1]), 4),
        "gamma": gamma,
        "centres": centres.tolist(),
        "kernel": (turn @ correction[: len(centres)]).round(3).tolist(),
    }


def scores(found: Mapping[str, Any], x: Array) -> Array:
    """Score rows as the package does, all at once."""
    z = np.clip((x - np.array(found["mean"])) / np.array(found["scale"]), -CLIP, CLIP)
    terms = kernel(z, np.array(found["centres"]), found["gamma"])
    return 1 / (1 + np.exp(-(found["bias"] + z @ np.array(found["linear"]) + terms @ np.array(found["kernel"]))))


def left_out(rows: Rows, parts: Array, names: list[str], share: float) -> Array:
    """Score each part by weights fitted on the others."""
    found = np.zeros(len(rows.labels))
    for part in np.unique(parts):
        train, test = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
        found[test] = scores(fit(rows, train, names, share), rows.figures[test])
    return found


def folds(rows: Rows, seed: int) -> Array:
    numbers = np.unique(rows.groups)
    parts = dict(zip(numbers, np.random.default_rng(seed).permutation(len(numbers)) % FOLDS, strict=True))
    return np.array([parts[group] for group in rows.groups])


def coverage_left_out(rows: Rows, names: list[str]) -> tuple[float, float]:
    """The floor: word coverage, its threshold for each set chosen on the other eight."""
    covered, accuracies = rows.figures[:, names.index("covered")], []
    grid = np.unique(np.quantile(covered, np.linspace(0.02, 0.98, 97)))
    by_set = [(covered[rows.sets == at], rows.labels[rows.sets == at]) for at in range(len(SETS))]
    for left, (values, labels) in enumerate(by_set):
        others = [pair for at, pair in enumerate(by_set) if at != left]
        best = max(grid, key=lambda cut, others=others: sum(balanced(v, y, cut) for v, y in others))
        accuracies.append(balanced(values, labels, best))
    return float(np.mean([auroc(*pair) for pair in by_set])), float(np.mean(accuracies))


def report(title: str, rows: Rows, names: list[str], share: float) -> None:
    """Print figures of the whole judge, its rules included, and those of the model without them."""
    crossed = [left_out(rows, folds(rows, seed), names, share) for seed in range(SEEDS)]
    by_seed = np.array([per_set(rows.judged(found), rows) for found in crossed])
    known = scores(fit(rows, np.arange(len(rows.labels)), names, share), rows.figures)
    ways = {
        f"{FOLDS}-fold grouped": by_seed.mean(axis=0),
        "set left out": np.array(per_set(rows.judged(left_out(rows, rows.sets, names, share)), rows)),
        "in sample": np.array(per_set(rows.judged(known), rows)),
        "no rules": np.array([per_set(found, rows) for found in crossed]).mean(axis=0),
    }
    print(f"\n{title}, {len(rows.labels)} rows, {len(np.unique(rows.groups))} groups: AUROC / balanced accuracy at 0.5")
    print(f"{'set':22}" + "".join(f"{way:>18}" for way in ways))
    for at, name in enumerate((*SETS, "macro mean")):
        found = [way[at] if at < len(SETS) else way.mean(axis=0) for way in ways.values()]
        print(f"{name:22}" + "".join(f"{f'{a:.3f} / {b:.3f}':>18}" for a, b in found))
    spread = by_seed.mean(axis=1)
    print("by seed of the folds: " + ", ".join(f"{a:.4f} / {b:.4f}" for a, b in spread))
    print("word coverage, threshold from the other sets: {:.3f} / {:.3f}".format(*coverage_left_out(rows, names)))
    for kind in (True, False):
        at = np.array([rule is not None and rule.supported is kind for rule in rows.rules])
        print(
            f"{'found word for word' if kind else 'altered copy'}: {at.sum()} claims, {rows.labels[at].sum()} supported"
        )


def read() -> list[tuple[int, dict[str, Any]]]:
    lines = ((at, (DEV / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()) for at, name in enumerate(SETS))
    return [(at, json.loads(line)) for at, some in lines for line in some]


def grouped(found: list[tuple[int, dict[str, Any]]]) -> Array:
    """Number the groups: rows of one set with a context or a question (of 25 characters or more) in common."""
    parent = list(range(len(found)))

    def root(at: int) -> int:
        while parent[at] != at:
            at = parent[at]
        return at

    first: dict[tuple[int, str], int] = {}
    for at, (number, row) in enumerate(found):
        for text in (row["context"], row.get("question") or ""):
            if len(text) >= 25:
                parent[root(at)] = root(first.setdefault((number, text), at))
    return np.array([root(at) for at in range(len(found))])


def measured(found: list[tuple[int, dict[str, Any]]], vectors: Mapping[str, Any] | None) -> tuple[Rows, list[str]]:
    names = [*NAMES, *(VECTOR_NAMES if vectors is not None else ())]
    sources: dict[str, Source] = {}
    figures, rules = np.zeros((len(found), len(names))), list[Rule | None]()
    for at, (_, row) in enumerate(found):
        source = sources.setdefault(row["context"], Source(row["context"]))
        weighed, values = weigh(row["claim"], source, row.get("question"))
        if vectors is not None:
            values = {**values, **near(weighed, source, vectors)}
        figures[at] = [values[name] for name in names]
        rules.append(ruled(row["claim"], weighed, source, row.get("question")))
    labels, sets = np.array([row["label"] for _, row in found]), np.array([number for number, _ in found])
    return Rows(figures, labels, sets, grouped(found), rules), names


async def embedded(found: list[tuple[int, dict[str, Any]]], kept: Path | None) -> dict[str, Any]:
    """Embed what the figures need, or read it from where it was kept."""
    texts: dict[str, None] = {}
    for _, row in found:
        source = Source(row["context"])
        for some in texts_to_embed(weigh(row["claim"], source)[0], source):
            texts |= dict.fromkeys(some)
    vectors: dict[str, Any] = {}
    if kept and kept.exists():
        with np.load(kept, allow_pickle=False) as file:
            vectors = dict(zip(json.loads(str(file["texts"])), file["vectors"], strict=True))
    missing = sorted((text for text in texts if text not in vectors), key=lambda text: (len(text), text))
    embedder = open_embedder()
    for at in range(0, len(missing), 256):
        block = missing[at : at + 256]
        vectors |= dict(zip(block, await embedder.embed(block), strict=True))
    if kept and missing:
        np.savez(kept, texts=json.dumps(list(vectors)), vectors=np.array(list(vectors.values())))
    return vectors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--lexical", action="store_true")
    parser.add_argument("--vectors", type=Path)
    options = parser.parse_args()
    if not DEV.exists():
        print("shared/ is not here: no labelled data to fit on")
        sys.exit(0)
    found = read()
    shipped: dict[str, Any] = {}
    for name, share in SHARE_OF_BASE.items():
        if name == "embedded" and options.lexical:
            continue
        vectors = asyncio.run(embedded(found, options.vectors)) if name == "embedded" else None
        rows, names = measured(found, vectors)
        report(name, rows, names, share)
        shipped[name] = fit(rows, np.arange(len(rows.labels)), names, share)
    if options.write:
        path = Path(groundedness_model.__file__).with_name(FILE)
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(json.dumps(kept | shipped, separators=(",", ":")) + "\n", encoding="utf-8")
        print(f"written: {path}, {math.ceil(path.stat().st_size / 1024)} KiB")


if __name__ == "__main__":
    main()
