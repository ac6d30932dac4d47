"""How many tokens a text has, near enough to reserve and to check with, without any model's tokenizer or a network.

Words, digits, marks and line ends are counted by their shapes, other scripts by their letters; the weights were fitted
to the byte-pair vocabularies in common use (see ``tests/test_pacing.py`` for the error on texts in several scripts).
What a server then bills corrects the estimate for its model: :class:`Calibration`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from statistics import median

from ragset.schema.samples import Message

PER_MESSAGE = 4
"""Tokens that the frame of one message takes (role, separators)."""

ENOUGH = 5
"""Observations from which a correction is used."""

_WORD = re.compile(r"[A-Za-z]+")
_NUMBER = re.compile(r"[0-9]{1,3}")
_MARK = re.compile(r"[!-/:-@\[-`{-~]{1,2}")
_SPACE = re.compile(r"[ \t]{2,}")
_ENDS = re.compile(r"\n+")
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_SCRIPTS = (
    (0x0250, 0.9),  # Latin with marks
    (0x0400, 1.0),  # Greek
    (0x0590, 0.6),  # Cyrillic, Armenian
    (0x0900, 0.9),  # Hebrew, Arabic
    (0x1200, 1.1),  # scripts of India, Thai, Lao, Georgian
    (0x3000, 1.2),  # typographic marks, symbols
    (0xAC00, 1.4),  # kana, Han
    (0xD7B0, 1.3),  # Hangul
    (0x10000, 1.4),
)
_RARE = 2.6
"""Tokens of a character outside the basic plane (emoji, old scripts)."""


def count_tokens(text: str) -> int:
    """Estimate a text's tokens; prose comes out right to about a tenth, rather too high than too low."""
    return round(sum(map(_in_line, text.split("\n")))) + len(_ENDS.findall(text))


@lru_cache(maxsize=8192)
def _in_line(line: str) -> float:
    """Count one line; most lines of most prompts are those of the prompt itself, so they are remembered."""
    words = sum(1 + (size > 8) * (size - 4) // 5 for size in map(len, _WORD.findall(line)))
    plain = words + len(_NUMBER.findall(line)) + len(_MARK.findall(line)) + len(_SPACE.findall(line))
    if line.isascii():
        return plain
    return plain + sum(_weight(ord(char)) for part in _FOREIGN.findall(line) for char in part)


def count_messages(messages: Iterable[Message]) -> int:
    """Estimate the tokens of a prompt."""
    return sum(count_tokens(message.content) + PER_MESSAGE for message in messages)


def _weight(code: int) -> float:
    return next((weight for below, weight in _SCRIPTS if code < below), _RARE)


class Calibration:
    """The ratio of what a model's server billed to what was estimated: the median of the latest observations."""

    def __init__(self, keep: int = 101) -> None:
        """Keep so many observations."""
        self._keep = keep
        self._ratios: list[float] = []
        self._ratio = 1.0

    @property
    def ratio(self) -> float:
        """What to multiply an estimate by: 1 until there are enough observations."""
        return self._ratio

    def observe(self, estimated: int, real: int) -> None:
        """Learn from one reply; servers that bill no prompt tokens teach nothing."""
        if estimated <= 0 or real <= 0 or len(self._ratios) >= self._keep:
            return
        self._ratios.append(real / estimated)
        if len(self._ratios) >= ENOUGH:
            self._ratio = median(self._ratios)

    def corrected(self, estimated: int) -> int:
        """Give the estimate as this model counts."""
        return round(estimated * self._ratio)
