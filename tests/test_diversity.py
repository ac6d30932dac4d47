"""Measures of a whole set, against other people's code, against their definitions, and at their ends."""

from __future__ import annotations

import gzip
import random
import warnings
from collections.abc import Sequence
from math import log

import numpy as np
import pytest

from ragset.kit import diversity
from ragset.kit.diversity import (
    compression_ratio,
    distinct,
    lengths,
    mean_nearest_cosine,
    self_bleu,
    self_repetition,
    set_vectors,
    tokens,
    vendi_score,
    wording,
)
from ragset.schema.step import Tools

WORDS = [
    "what",
    "is",
    "the",
    "tide",
    "rule",
    "moon",
    "bread",
    "oven",
    "who",
    "made",
    "a",
    "knot",
    "of",
    "rope",
    "and",
    "why",
]


def texts(count: int, seed: int = 0) -> list[list[str]]:
    dice = random.Random(seed)
    return [[dice.choice(WORDS) for _ in range(dice.randint(1, 12))] for _ in range(count)]


def unit(rows: int, dimension: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(4))
def test_self_bleu_is_what_nltk_says(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
    found = texts(25, seed)
    smooth = SmoothingFunction().method1
    alone = [
        sentence_bleu([*found[:at], *found[at + 1 :]], text, smoothing_function=smooth) for at, text in enumerate(found)
    ]
    assert self_bleu(found) == pytest.approx(np.mean(alone), abs=5e-5)


def test_self_bleu_is_one_for_copies_and_near_zero_for_strangers() -> None:
    line = ["what", "is", "the", "rule", "of", "twelfths"]
    assert self_bleu([line] * 5) == 1
    assert self_bleu([list("abcdef"), list("ghijkl"), list("mnopqr")]) == 0
    assert self_bleu([line]) is None


def test_a_large_set_is_sampled_the_same_way_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found = texts(300)
    whole = self_bleu(found)
    monkeypatch.setattr(diversity, "BLEU_TEXTS", 100)
    part = self_bleu(found)
    assert whole is not None
    assert part is not None
    assert part == self_bleu(found)
    assert part < whole  # fewer references


@pytest.mark.parametrize("seed", range(3))
def test_self_repetition_is_its_definition(seed: int) -> None:
    found = texts(40, seed)
    scores = []
    for at, text in enumerate(found):
        grams = {tuple(text[k : k + 4]) for k in range(len(text) - 3)}
        others = ("\x00".join(["", *other, ""]) for b, other in enumerate(found) if b != at)
        having = [sum("\x00".join(["", *gram, ""]) in other for gram in grams) for other in others]
        scores.append(log(1 + sum(having)))
    assert self_repetition(found) == pytest.approx(np.mean(scores), abs=5e-5)


def test_self_repetition_of_a_phrase_that_three_texts_share() -> None:
    found = [f"what is the {word} of it".split() for word in ("rule", "rule", "rule", "price")]
    # three distinct 4-grams each; those of the first three are in two others
    assert self_repetition(found) == round((3 * log(1 + 6) + log(1)) / 4, 4)


def test_compression_ratio_is_raw_over_gzip() -> None:
    lines = [f"What is number {at} of the table?" for at in range(40)]
    raw = " ".join(lines).encode()
    assert compression_ratio(lines) == pytest.approx(len(raw) / len(gzip.compress(raw)), abs=0.01)
    assert compression_ratio(lines * 5) > 2 * compression_ratio(lines)  # type: ignore[operator]
    assert compression_ratio([]) is None


def test_distinct_is_the_share_of_different_grams() -> None:
    found = [["a", "b", "a"], ["a", "b"]]
    assert distinct(found, 1) == 0.4
    assert distinct(found, 2) == round(2 / 3, 4)
    assert distinct(found, 4) is None


@pytest.mark.parametrize("rows", [3, 16, 17, 400])
def test_the_vendi_score_is_that_of_the_kernel(rows: int) -> None:
    """Whichever of the two matrices is decomposed."""
    vectors = unit(rows, 16)
    kernel = vectors.astype(np.float64) @ vectors.T.astype(np.float64) / rows
    values = np.linalg.eigvalsh(kernel)
    values = values[values > 1e-9]
    assert vendi_score(vectors) == pytest.approx(float(np.exp(-(values * np.log(values)).sum())), abs=1e-3)


def test_the_vendi_score_counts_what_is_different() -> None:
    assert vendi_score(np.eye(7, dtype=np.float32)) == 7
    assert vendi_score(np.repeat(unit(1, 9), 50, axis=0)) == pytest.approx(1, abs=1e-3)
    assert vendi_score(np.repeat(np.eye(4, dtype=np.float32), [30, 30, 30, 30], axis=0)) == 4
    assert vendi_score(np.zeros((0, 4), np.float32)) is None


def test_the_nearest_is_never_the_text_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(50, 6)
    cosines = vectors @ vectors.T - 2 * np.eye(50)
    assert mean_nearest_cosine(vectors) == pytest.approx(float(cosines.max(axis=1).mean()), abs=1e-4)
    monkeypatch.setattr(diversity, "ROWS", 7)
    assert mean_nearest_cosine(vectors) == pytest.approx(float(cosines.max(axis=1).mean()), abs=1e-4)
    assert mean_nearest_cosine(np.repeat(unit(1, 6), 2, axis=0)) == 1
    assert mean_nearest_cosine(unit(1, 6)) is None


def test_words_marks_and_characters_are_tokens() -> None:
    assert tokens("What is DIN-A4?") == ["what", "is", "din", "-", "a4", "?"]
    assert tokens("A4是什么") == ["a4", "是", "什", "么"]
    assert lengths([tokens("What is it?"), tokens("Why?")]) == {"least": 1, "median": 2.0, "mean": 2.0, "most": 3}


def test_a_set_of_nothing_and_of_one_has_no_false_figure() -> None:
    none = wording([], [])
    assert set(none.values()) == {None}
    one = wording(["What is it?"], ["A thing."])
    assert (one["self_bleu"], one["self_repetition"], one["distinct_1"]) == (None, 0, 1)


class Moody:
    """An embedder whose vectors show how many texts came with them."""

    dimension = 2
    calls: list[list[str]]

    def __init__(self) -> None:
        self.calls = []

    async def embed(self, asked: Sequence[str]) -> np.ndarray:
        self.calls.append(list(asked))
        return np.array([[len(text), len(asked)] for text in asked], np.float32)


async def test_the_vectors_of_a_set_depend_on_the_set_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity, "BLOCK", 2)
    embedder = Moody()
    tools = Tools(_embedder=embedder)  # type: ignore[arg-type]
    first = await set_vectors(["a", "bb", "ccc", "a"], tools)
    assert first.tolist() == [[1, 2], [2, 2], [3, 1], [1, 2]]
    assert embedder.calls == [["a", "bb"], ["ccc"]]
    assert (await set_vectors(["ccc", "a"], tools)).tolist() == [[3, 1], [1, 2]]  # a choice of them has the same ones
    assert len(embedder.calls) == 2
    assert (await set_vectors([], tools)).shape == (0, 2)
