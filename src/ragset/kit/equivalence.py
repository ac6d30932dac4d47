"""The built-in judge of answer equivalence: does a candidate say what an accepted answer says? No model, no key.

The evidence of :mod:`ragset.kit.equivalence_evidence` is weighed by boosted trees that may only go up with evidence
for, and down with evidence against; with vectors at hand the cosine of candidate and accepted answer is one number
more. Trees and figures are in ``equivalence.json``, fitted on five human-labelled development sets (each set and each
label weighing the same) by ``tests/benchmarks/fit_equivalence.py``. A near copy of the accepted answer that differs
from it in substance (another number or name, a negation, the contrary) is sunk below the threshold by rule, and so is
one that counts or denies what the accepted answer says.

The judges use the lexical configuration: vectors brought nothing on the development sets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ragset.kit.contradictions import contradiction
from ragset.kit.equivalence_differences import difference
from ragset.kit.equivalence_evidence import Asked, Fit, evidence, fits
from ragset.kit.equivalence_words import Answer
from ragset.kit.judging import rounded
from ragset.schema.ids import digest

if TYPE_CHECKING:
    from ragset.schema.ports import Embedder, FloatArray

NAME = "builtin-equivalence"
VERSION = "1"
RULES = "2"
"""Version of the rules that sink a score; the trees, and what was calibrated on their scores, stay."""
THRESHOLD = 0.5
"""A candidate with this score or more says what an accepted answer says."""
SUNK = 0.4
"""What is left of the score of a near copy that differs in substance: less than the threshold, the order kept."""
COMPARED = 2
"""Accepted answers whose vectors are compared: those that fit best by their words."""
BEGINNING = 500
"""Characters of a candidate that are embedded."""


@dataclass(frozen=True, slots=True)
class Equivalence:
    """How sure it is that a candidate says what an accepted answer says (0..1), and why in a few words."""

    score: float
    reason: str

    @property
    def holds(self) -> bool:
        """True when the candidate counts as right."""
        return self.score >= THRESHOLD


def equivalence(
    question: str, golds: Sequence[str], candidate: str, vectors: Mapping[str, FloatArray] | None = None
) -> Equivalence:
    """Judge a candidate against the accepted answers; the question, where there is one, tells what is new in it.

    ``vectors`` holds the L2-normalised vector of each of :func:`texts`; with them the trees that know the cosine judge.
    """
    asked, found = _compared(question, golds, candidate)
    if not found or not asked.candidate.tokens:
        return Equivalence(0.0, "there is nothing to compare")
    said = evidence(asked, found)
    if vectors is not None:
        said["cosine"] = _cosine(found, candidate, vectors)
    score = _weighed(said, "lexical" if vectors is None else "embedded")
    other = _at_odds(asked, found[0].gold)
    if other:
        return Equivalence(rounded(score * SUNK), other)
    return Equivalence(rounded(score), _reason(found[0], asked))


def texts(question: str, golds: Sequence[str], candidate: str) -> list[str]:
    """Name the texts whose vectors :func:`equivalence` compares: the candidate's beginning and the best golds."""
    _, found = _compared(question, golds, candidate)
    return [candidate[:BEGINNING], *(fit.gold.text for fit in found[:COMPARED])]


async def embedded_equivalence(
    embedder: Embedder, pairs: Sequence[tuple[str, Sequence[str], str]]
) -> list[Equivalence]:
    """Judge pairs (question, accepted answers, candidate) with vectors, embedded together: give a draw's, or a block's.

    The vectors of one draw must not depend on what else happens to be waiting, so never mix draws in a call.
    """
    wanted = list(dict.fromkeys(text for pair in pairs for text in texts(*pair)))
    vectors = dict(zip(wanted, await embedder.embed(wanted), strict=True))
    return [equivalence(*pair, vectors) for pair in pairs]


def measured(
    question: str, golds: Sequence[str], candidate: str, vectors: Mapping[str, FloatArray] | None = None
) -> dict[str, float]:
    """Give the evidence as the trees read it; what the fitting script is given."""
    asked, found = _compared(question, golds, candidate)
    said = evidence(asked, found)
    return said if vectors is None else said | {"cosine": _cosine(found, candidate, vectors)}


def sunk(question: str, golds: Sequence[str], candidate: str) -> str | None:
    """Name the difference in substance for which a candidate is sunk; None when there is none."""
    asked, found = _compared(question, golds, candidate)
    return _at_odds(asked, found[0].gold) if found and asked.candidate.tokens else None


def _at_odds(asked: Asked, gold: Answer) -> str | None:
    return difference(asked, gold) or contradiction(asked.candidate.text, gold.text, asked.question.text)


def fingerprint() -> str:
    """Hash of version, trees and constants."""
    return digest(NAME, VERSION, RULES, _trees(), THRESHOLD, SUNK, COMPARED, BEGINNING)


def _compared(question: str, golds: Sequence[str], candidate: str) -> tuple[Asked, list[Fit]]:
    asked = Asked.of(question, candidate)
    taken = [_taken(gold) for gold in dict.fromkeys(golds)]
    return asked, fits(asked, [gold for gold in taken if gold.tokens])


@lru_cache(maxsize=512)
def _taken(gold: str) -> Answer:
    """Take an accepted answer apart once: several candidates are held against it."""
    return Answer(gold)


def _cosine(found: Sequence[Fit], candidate: str, vectors: Mapping[str, FloatArray]) -> float:
    said = vectors[candidate[:BEGINNING]]
    return max(float(said @ vectors[fit.gold.text]) for fit in found[:COMPARED])


def _weighed(said: Mapping[str, float], name: str) -> float:
    """Sum the leaves that the evidence falls into, and squash the sum to 0..1."""
    model = _trees()[name]
    values = [said[feature] for feature in model["features"]]
    total = model["base"]
    for tree in model["trees"]:
        at = 0
        while len(node := tree[at]) > 1:
            at = node[2] if values[node[0]] <= node[1] else node[3]
        total += node[0]
    return 1 / (1 + math.exp(-total))


@lru_cache(maxsize=1)
def _trees() -> dict[str, Any]:
    """Read the trees: a node is (feature, threshold, left, right), a leaf is (value,)."""
    return json.loads(files("ragset.kit").joinpath("equivalence.json").read_text("utf-8"))


def _reason(best: Fit, asked: Asked) -> str:
    missing = [t.plain for t in best.wanted if t.stem not in asked.candidate.stems]
    if not missing:
        return f"all of '{_short(best.gold.text)}' is found"
    return f"of '{_short(best.gold.text)}' not found: {', '.join(missing[:5])}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
