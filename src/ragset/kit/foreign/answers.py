"""What is said of a set that lacks reference answers: how many rows, the columns not used, how one is named."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ragset.kit.foreign import PLAIN, format_named
from ragset.kit.foreign.columns import USUAL, called
from ragset.kit.foreign.pairs import text_of
from ragset.kit.foreign.rows import Json, names

_NEAR = 0.75
"""How like a usual name of the answer a column must be to be proposed (``anwser``, and not ``answer_type``)."""
_TELLING = ("gold", "truth", "answer", "response", "target", "solution", "completion", "output", "expected")
"""Words in the name of a column that holds answers, the surest first."""


def lacking_answers(path: Path, name: str, columns: Mapping[str, str], found: Counter[str]) -> str:
    """Say in one line how many rows have no reference answer, and what can be done; empty where all have one.

    ``found`` is what :func:`ragset.kit.foreign.reading.check_set` counted.
    """
    rows, has = found["answerable"], found["answered"]
    if has == rows:
        return ""
    kind = ("row" if rows == found["asked"] else "answerable row") + "s" * (rows != 1)
    counted = f"only {has:,} of {rows:,} {kind} have" if has else f"none of {rows:,} {kind} has"
    so = "without one, answers are not judged and not exported for fine-tuning"
    return f"{path.name}: {counted} a reference answer{_place(path, name, columns)}; {so}"


def _place(path: Path, name: str, columns: Mapping[str, str]) -> str:
    """Say where answers were looked for, or which columns of a plain file may hold them."""
    if name not in PLAIN:
        field = format_named(name).answers
        return f" in '{field}'" if field else f" (the format '{name}' has none)"
    unused = _unused(path, name, columns)
    if not unused or {"evidence", "scenario_id"} <= set(unused):  # a table that ragset exported: its answers are named
        return ""
    near = _near(unused)
    likely = near or _likely(unused)
    option = f"--columns {shlex.quote(f'answer={likely}') if likely else 'answer=…'}"
    asked = f"did you mean {option}?" if near else f"if one of them holds it: {option}"
    return f" (columns not used: {names(unused)}; {asked})"


def _unused(path: Path, name: str, columns: Mapping[str, str]) -> Json:
    """Give the columns that no part was read from in the rows without an answer, with a value of each."""
    taken = {column for part in USUAL for column in called(part, columns)} | {"source_id", "file"}
    found: Json = {}
    for pair in format_named(name).pairs(path, columns):
        if pair.question and pair.answerable and pair.answer is None:
            found |= {key: value for key, value in pair.metadata.items() if key not in taken and key not in found}
    return found


def _near(unused: Mapping[str, Any]) -> str | None:
    usual = [name.lower() for name in USUAL["answer"]]
    return next((name for name in unused if get_close_matches(name.lower(), usual, n=1, cutoff=_NEAR)), None)


def _likely(unused: Mapping[str, Any]) -> str | None:
    """Give the column whose name tells of answers, else the only one that holds text."""
    texts = [name for name, value in unused.items() if isinstance(value, str | list) and text_of(value)]
    told = next((name for word in _TELLING for name in unused if word in name.lower()), None)
    return told or (texts[0] if len(texts) == 1 else None)
