"""A prompt read back: its fenced blocks of data, their sentences, and the phrases that set a sentence apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ragset.kit.extractive.grammar import verb_forms
from ragset.kit.extractive.sentences import units
from ragset.kit.extractive.text_filters import sound_sentence
from ragset.kit.extractive.words import ADVERBS, CONJUNCTIONS, DETERMINERS, MODALS, PREPOSITIONS
from ragset.kit.measures import STOPWORDS, sentences, stem

Sizes = tuple[int, int]

LENGTHS: tuple[Sizes, ...] = ((6, 45), (6, 60), (3, 90), (1, 200))
"""Words a sentence may have; further bounds are taken while there are not ``ENOUGH`` sentences."""
ENOUGH = 4
LONGEST = 3
"""Words a phrase may have."""
_FUNCTION = STOPWORDS | ADVERBS | PREPOSITIONS | CONJUNCTIONS
_BEFORE_VERBS = MODALS | {"to", "that", "which", "who", "they", "you", "we", "not"}
_QUALITY = re.compile(r"(?:ly|er|est|ous|ful|able|ible|less|ish|ive|ite)$")
_BEFORE_NOUNS = DETERMINERS | (PREPOSITIONS - {"to"})

TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_ENDS = re.compile(r"[.!?。！？][\"”’)\]]*\Z")
_BLOCK = re.compile(r"<data ([0-9a-f]{16,64})>\n(.*?)\n?</data \1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a prompt: what it is called (``Passage 1``), and what stands in it."""

    label: str
    text: str

    @property
    def body(self) -> str:
        """What stands below ``Text:``, else all of it."""
        head, found, rest = self.text.partition("Text:\n")
        return rest if found and head.count("\n") <= 3 else self.text

    def said(self, name: str) -> str:
        """Give what a line ``name: …`` above the text says."""
        match = re.search(rf"^{name}: (.*)$", self.text[: len(self.text) - len(self.body)], re.MULTILINE)
        return match[1].strip() if match else ""


def blocks_of(prompt: str) -> list[Block]:
    """Read the fenced blocks of a prompt, in order."""
    found: list[Block] = []
    last = 0
    for match in _BLOCK.finditer(prompt):
        line = prompt[last : match.start()].rstrip().rpartition("\n")[2]
        found.append(Block(re.split("[:,]", line, maxsplit=1)[0].strip(), match[2]))
        last = match.end()
    return found


def without_blocks(prompt: str) -> str:
    """Give a prompt without its data."""
    return _BLOCK.sub("", prompt)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage, word for word, with its rarest phrases."""

    passage: int
    at: int
    text: str
    phrases: tuple[str, ...]


def apart(phrases: Iterable[str]) -> list[str]:
    """Leave out phrases that share a word with an earlier one."""
    kept: list[str] = []
    seen = set[str]()
    for phrase in phrases:
        words = {stem(w.lower()) for w in TOKEN.findall(phrase)}
        if not words & seen:
            kept.append(phrase)
            seen |= words
    return kept


@lru_cache(maxsize=512)
def sentences_of(passages: tuple[Block, ...]) -> tuple[Sentence, ...]:
    """Cut the passages into sentences, those of the first passage first, each with its phrases, the rarest first."""
    texts = [(n, at, text) for n, block in enumerate(passages) for at, text in enumerate(_pieces(block))]
    counts: dict[str, int] = {}
    for _, _, text in texts:
        for word in {stem(w.lower()) for w in TOKEN.findall(text)}:
            counts[word] = counts.get(word, 0) + 1
    chosen = [t for n in range(len(passages)) for t in _quotable([t for t in texts if t[0] == n])]
    return tuple(Sentence(n, at, text, tuple(_phrases(text, counts))) for n, at, text in chosen)


def _quotable(texts: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Choose the pieces of one passage that can be quoted: the soundest, if they are enough."""
    chosen: list[tuple[int, int, str]] = []
    for tier in range(len(LENGTHS)):
        chosen = max(chosen, [t for t in texts if _usable(t[2], tier)], key=len)
        if len(chosen) >= ENOUGH:
            break
    return chosen


def _pieces(block: Block) -> Iterator[str]:
    for unit in units(block.body):
        if unit.kind in ("paragraph", "item"):
            yield from (piece for piece in sentences(unit.span.text) if piece in block.body)
        elif unit.kind == "row":
            yield unit.span.text


def _usable(text: str, tier: int) -> bool:
    """Tell whether a piece can be quoted: a sound sentence, then any sentence, at last anything with letters."""
    shortest, longest = LENGTHS[tier]
    if not shortest <= len(text.split()) <= longest:
        return False
    if tier == len(LENGTHS) - 1:
        return any(c.isalpha() for c in text)
    return bool(_ENDS.search(text)) and "|" not in text and (tier > 0 or sound_sentence(text))


def _phrases(text: str, counts: dict[str, int]) -> list[str]:
    """Give runs of up to three content words, the rarest first; no two share a word.

    As many as hold half of the content words at most: a question must not give its answer away.
    """
    runs: list[list[str]] = [[]]
    end, before = 0, ""
    for match in TOKEN.finditer(text):
        word = match[0]
        plain = _plain(word, before, inside=bool(runs[-1]) and not text[end : match.start()].strip(" "))
        if text[end : match.start()].strip(" ") or plain or len(runs[-1]) == LONGEST:
            runs.append([])
        end, before = match.end(), word.lower()
        if not plain:
            runs[-1].append(word if match.start() or word[1:2].isupper() else word[:1].lower() + word[1:])
    good = [run for run in runs if run and not all(w.isdigit() for w in run)]
    content = sum(not _plain(w, "", inside=False) or w.lower() in verb_forms() for w in TOKEN.findall(text))
    found = apart(" ".join(run) for run in sorted(good, key=lambda run: (-_rarity(run, counts), run)))
    return _within(found, content // 2)


def _within(phrases: list[str], words: int) -> list[str]:
    """Take phrases from the front while they have no more than so many words; one at least."""
    kept: list[str] = []
    for phrase in phrases:
        words -= len(phrase.split())
        if words >= 0 or not kept:
            kept.append(phrase)
    return kept


def _plain(word: str, before: str, *, inside: bool) -> bool:
    """Tell whether a word names nothing: a function word, or a verb as far as one can tell by the word ``before``."""
    low = word.lower()
    if low in _FUNCTION or len(word) < (4 if word.islower() else 3):
        return True
    entry = verb_forms().get(low) if word.islower() else None
    if entry is None or before in _BEFORE_NOUNS:
        return False
    return inside or not entry[1] & {"ing", "base"} or before in _BEFORE_VERBS


def _rarity(run: Sequence[str], counts: dict[str, int]) -> float:
    rare = sum(1 / counts.get(stem(w.lower()), 1) + min(len(w), 10) / 40 + 0.4 * w[0].isupper() for w in run)
    vague = len(run) == 1 and run[0].islower() and (_QUALITY.search(run[0]) or len(run[0]) < 6)
    return rare / len(run) ** 0.6 - 0.8 * bool(vague)
