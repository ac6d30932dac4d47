"""Tell when a text talks to a model, or repeats what a model was told: neither belongs into a pair.

A passage may hold instructions to the model that reads it. They are fenced as data; should a model obey them all the
same, what it wrote is stopped here. The patterns are those of instructions, not of their subject: a question about
prompts or about models is a good one.
"""

from __future__ import annotations

import re
from functools import lru_cache

OVERLAP = 8
"""Words in a row that a text may not share with a prompt."""

_SKIP = r"\b(?:ignore|disregard|forget)\b"
_BEFORE = r"(?:previous|prior|above|earlier|preceding|foregoing)"
_PATTERNS = (
    rf"{_SKIP}[^.?!\n]{{0,30}}\b{_BEFORE}\s+(?:\w+\s+)?(?:instruction|rule|prompt|direction|guideline|command|message)s?\b",
    rf"{_SKIP}[^.?!\n]{{0,30}}\b(?:system|original|initial)\s+(?:instruction|prompt|guideline)s?\b",
    rf"{_SKIP}\s+(?:all|any|every|your|my|our)\s+(?:(?:of|the|your|other)\s+){{0,2}}(?:instruction|guideline)s?\b",
    rf"{_SKIP}\s+(?:the\s+|all\s+)?(?:instruction|rule|guideline|prompt)s?\s+(?:above|before|(?:you\s+were\s+)?given)\b",
    rf"{_SKIP}\s+(?:everything|all|anything)\s+(?:\w+\s+)?(?:above|before|previous|prior)\b",
    r"\b(?:reveal|repeat|leak|disclose|print)\s+(?:me\s+)?(?:your|the)\s+(?:\w+\s+){0,2}(?:system\s+prompt|api\s+key)s?\b",
    r"\b(?:reveal|repeat|leak|disclose|print)\s+(?:me\s+)?(?:your|the)\s+(?:hidden|initial|secret)\s+instructions\b",
    r"\b(?:answer|respond|reply|output)\s+(?:with\s+)?(?:only\s+|exactly\s+|always\s+)?(?:yes|no|true|1|\{)[^.?!\n]{0,40}"
    r"\b(?:to|for)\s+(?:every|all|each|any)\b",
    r"\b(?:answer|respond|reply|output)\s+(?:with\s+)?(?:only|exactly)\s*:?\s*[{\[]",
    r"\byou\s+are\s+now\s+(?:DAN\b|in\s+developer\s+mode|an?\s+(?:\w+\s+)?(?:assistant|ai|chatbot|bot|model|pirate)\b)",
    r"\bfrom\s+now\s+on,?\s+(?:you\s+)?(?:must\s+|will\s+|shall\s+)?(?:act|answer|respond|obey|speak|pretend)\b",
    r"\bas\s+an?\s+(?:ai|large\s+language)\s+(?:language\s+)?(?:model|assistant),?\s+i\b",
    r"\bnew\s+(?:system\s+)?instructions?\s*:",
    r"\bignorier(?:e|en\s+sie|t)?\b[^.?!\n]{0,40}\b(?:anweisungen|vorgaben)\b",
    r"\bignore[zr]?\b[^.?!\n]{0,30}\binstructions\s+(?:précédentes|ci-dessus)",
    r"\bignor[aei]\w*\b[^.?!\n]{0,30}\b(?:instrucciones|istruzioni|instruções)\b",
    r"忽略[^。？！\n]{0,12}(?:指令|指示|提示)",
    r"<\|im_(?:start|end)\|>|<\|(?:system|user|assistant)\|>|\[/?INST\]|<<SYS>>",
    r"</?data\s+[0-9a-f]{4,64}\s*>|\bmarked\s+[0-9a-f]{32}\b|^[ \t]*\[(?:system|user|assistant)\][ \t]*$",
)
_INSTRUCTS = re.compile("|".join(_PATTERNS), re.IGNORECASE | re.MULTILINE)
_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def talks_to_a_model(text: str) -> str:
    """Give the piece of a text that instructs a model, or shows the marks of a prompt; empty when there is none."""
    found = _INSTRUCTS.search(text)
    return " ".join(found.group().split())[:60] if found else ""


def repeats_prompt(text: str, prompt: str) -> str:
    """Give the words in a row, ``OVERLAP`` at least, that a text shares with a prompt's own wording; or nothing."""
    words = _words(text)
    own = _runs(prompt) if len(words) >= OVERLAP else frozenset[tuple[str, ...]]()
    runs = (words[at : at + OVERLAP] for at in range(len(words) - OVERLAP + 1))
    return next((" ".join(run) for run in runs if run in own), "")


@lru_cache(maxsize=32)
def _runs(prompt: str) -> frozenset[tuple[str, ...]]:
    """Give every run of words of a prompt, without what is filled in."""
    pieces = (_words(piece) for piece in _TAGS.split(prompt))
    strings = (_words(text) for tag in _TAGS.findall(prompt) for text in re.findall(r'"([^"\n]{20,})"', tag))
    runs = (piece[at : at + OVERLAP] for piece in (*pieces, *strings) for at in range(len(piece) - OVERLAP + 1))
    return frozenset(runs)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(text))
