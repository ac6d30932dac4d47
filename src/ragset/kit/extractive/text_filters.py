"""Hard filters before any template: what reads as a whole, plain, English sentence that stands by itself."""

from __future__ import annotations

import re

from ragset.kit.extractive.grammar import has_speaker, tokens
from ragset.kit.extractive.words import ELSEWHERE, ENGLISH, PRONOUNS

_WORD = re.compile(r"[^\W\d_]+")
_CITATION = re.compile(
    r"\[\d+(?:[,–-]\s*\d+)*\]|\bet al\b|https?://|www\.|\S+@\S+\.\w|\(\d{4}\)|[©®™†‡§¶]|\\|\{\{|\{%|&\w+;|\w/\s"
)
_BOILERPLATE = re.compile(
    r"\b(?:all rights reserved|copyright|trademark|warrant(?:y|ies)|cookies?|privacy policy|terms of (?:use|service)|"
    r"permission is hereby|without limitation|subscribe|newsletter|sign up|log in to|javascript|isbn|"
    r"project gutenberg|gutenberg(?:-tm|™)?)\b",
    re.IGNORECASE,
)
# Orders to a language model are no knowledge of the document: such a sentence makes no pair.
_ORDERS = re.compile(r"\bignore (?:all|any|the|previous) |\bsystem prompt\b|\bprevious instructions\b", re.IGNORECASE)
_DIALOGUE = re.compile(
    r"[“”\"]\s*(?:said|asked|replied|cried|he|she|I)\b|\b(?:said|asked|replied|exclaimed) (?:he|she|I)\b"
)
_RUN_ON = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!\betc)(?<!\bvs)(?<!\.[A-Za-z])[.!?] +[a-z]")
_LEADERS = re.compile(r"\.{3,}|…|_{3,}|-{3,}|={3,}|\s\.\s\.\s")


def is_english(text: str) -> bool:
    """Tell whether running text is English: enough of its words are English function words."""
    words = [w.lower() for w in _WORD.findall(text)]
    if len(words) < 8:
        return all(ord(c) < 0x250 for c in text if c.isalpha())
    share = sum(w in ENGLISH for w in words) / len(words)
    latin = sum(w.isascii() for w in words) / len(words)
    return share >= (0.15 if len(words) > 25 else 0.08) and latin > 0.9


def is_table_text(text: str) -> bool:
    """Tell whether a text of few function words may still be an English table: letters of the Latin script only."""
    words = _WORD.findall(text)
    return bool(words) and sum(w.isascii() for w in words) / len(words) > 0.95


def sound_sentence(text: str, *, low: int = 6, high: int = 48) -> bool:
    """Tell whether a sentence is whole and clean: start, end, length, brackets, no debris, no pointing elsewhere."""
    words = text.split()
    if not low <= len(words) <= high or (text[-1:] not in ".!" and text[-2:] not in {".”", '."', ".)"}):
        return False
    if not (text[0].isupper() or text[0].isdigit() or text[0] in '`"“-'):
        return False
    if tokens(text)[0].low in PRONOUNS or _RUN_ON.search(text) or _CITATION.search(text) or _LEADERS.search(text):
        return False
    return clean(text) and not points_elsewhere(text) and not has_speaker(text) and not _noisy(text)


def clean(text: str) -> bool:
    """Tell whether a text is balanced, no boilerplate, no dialogue."""
    if (
        any(text.count(a) != text.count(b) for a, b in ("()", "[]", "{}", "“”"))
        or text.count('"') % 2
        or text.count("`") % 2
    ):
        return False
    return not _BOILERPLATE.search(text) and not _ORDERS.search(text) and not _DIALOGUE.search(text)


def points_elsewhere(text: str) -> bool:
    """Tell whether a text sends its reader to another place."""
    low = " " + text.lower()
    return any(f" {phrase}" in low or f"({phrase}" in low for phrase in ELSEWHERE)


def boilerplate(text: str) -> bool:
    """Tell licence and site boilerplate, tables of contents and menus from prose."""
    if "gutenberg" in text.lower() or "electronic work" in text.lower():
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    leaders = sum(bool(re.search(r"(?:\.\s?){4}\s*\d+\s*$|\s\d{1,3}\s*$", line)) for line in lines)
    return (len(lines) >= 4 and leaders > len(lines) / 2) or len(_BOILERPLATE.findall(text)) >= 3


def _noisy(text: str) -> bool:
    letters = sum(c.isalpha() for c in text)
    digits = sum(c.isdigit() for c in text)
    capitals = sum(w.isupper() and len(w) > 3 and "_" not in w for w in text.split())
    return letters < len(text) * 0.6 or digits > len(text) * 0.12 or capitals > max(3, len(text.split()) * 0.3)
