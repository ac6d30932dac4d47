"""Table cells: "What is the <column> of <row>?", with the table's heading or title as anchor."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragset.kit.extractive.anchors import acronym, generic, tidy
from ragset.kit.extractive.families import option
from ragset.kit.extractive.grammar import base_of, is_code
from ragset.kit.extractive.scene import Candidate, Scene
from ragset.kit.extractive.sentences import Span, cells
from ragset.kit.extractive.text_filters import clean, points_elsewhere
from ragset.kit.extractive.words import ADVERBS, ARTICLES, PREPOSITIONS
from ragset.kit.question_form import word_set

_TELLS = word_set("description meaning purpose what effect does function explanation")
_NUMBER = re.compile(r"[-+~≈$€£]?\s?\d[\d,.]*(?:e[+-]?\d+)?\s?%?(?: ?[A-Za-z°]{1,4})?$")
_UNSAID = word_set("value amount figure count number total result quantity measure score data")
"""Names of columns that do not say what their numbers are."""
MOST_DIGITS = 7
"""Digits of a bare number that can be read without a unit: a longer one needs a column that says what it is."""
_VERB_COLUMNS = word_set("takes gives returns needs reads writes accepts makes checks rejects contains holds sets")
_NO_KEYS = word_set("page pages link links url chapter section see file reference no # id")
_RULE = re.compile(r"^[\s|:=+-]+$")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d$")
_EMPTY = frozenset(["", "-", "–", "—", "n/a", "na", "none", "yes", "no", "?", "x", "✓", "✗", "tbd", "nan", "total"])


def find(scene: Scene) -> Iterator[Candidate]:
    """Propose questions for the cells of each table that has a header row and named rows."""
    for names, rows in _tables(scene):
        if (
            len(names) < 2
            or len(set(names)) < len(names)
            or not all(names)
            or any(_NUMBER.fullmatch(n) for n in names)
            or names[0].lower() in _NO_KEYS
        ):
            continue
        for row in rows:
            found = cells(row)
            if len(found) == len(names):
                yield from _row(scene, names, found, row)


def _tables(scene: Scene) -> Iterator[tuple[list[str], list[Span]]]:
    """Give (column names, rows) of each table; the header may stand in an earlier chunk of the same table."""
    run: list[Span] = []
    for unit in [*scene.units, None]:
        if unit is not None and unit.kind == "row":
            run.append(unit.span)
            continue
        body = [r for r in run if not _RULE.match(r.text)]
        if body:
            earlier = _earlier_header(scene, body[0])
            header = earlier or body[0]
            yield [tidy(c.text) for c in cells(header)], body if earlier else body[1:]
        run = []


def _earlier_header(scene: Scene, first: Span) -> Span | None:
    """Give the table's first line when it lies before this chunk, as the document's blocks say."""
    if scene.document is None:
        return None
    at = scene.chunk.start + first.start
    for block in scene.document.blocks:
        if block.kind == "table" and block.start < at < block.end:
            line = scene.document.text[block.start : block.end].split("\n", 1)[0]
            return Span(line, 0, len(line)) if "|" in line else None
    return None


def _row(scene: Scene, names: list[str], found: list[Span], row: Span) -> Iterator[Candidate]:
    key = found[0].text
    if (
        key.lower() in _EMPTY
        or re.fullmatch(r"\(?[ivxlcIVXLC]+[.)]?", key)
        or len(key.split()) > 7
        or not re.search(r"[A-Za-z]{2}", key)
        or not clean(key)
    ):
        return
    if _series(scene, found):
        yield from _tidy_row(scene, names, found, row)
        return
    # Columns of a PDF's table are guesses from positions: only its numbers are asked for.
    doubtful = scene.document is not None and "pdf" in scene.document.mime
    for name, cell in list(zip(names, found, strict=True))[1:]:
        if not _value(cell.text) or _says_its_key(key, cell.text) or (doubtful and not _NUMBER.fullmatch(cell.text)):
            continue
        if set(name.lower().split()) & _TELLS:
            asked = list(option.ask(scene, key, cell, row))
            yield from asked
            if asked:
                continue
        yield from _cell(scene, (names[0], key), name, cell, row)


def _cell(scene: Scene, key: tuple[str, str], name: str, cell: Span, row: Span) -> Iterator[Candidate]:
    place = _place(scene, row)
    if name.lower() in _UNSAID and _unreadable(cell.text):
        return
    if (generic(name) and name.lower() not in _TELLS | {"description"}) or len(name.split()) > 6:
        return
    code = key[1] if "`" not in key[1] and is_code(key[1]) else ""
    row_name = f"`{code}`" if code else key[1] if "`" in key[1] else f"“{key[1]}”"
    column = name if name.isupper() or not name[:1].isupper() or name[1:2].isupper() else name[0].lower() + name[1:]
    if re.search(r"[?/|“”]|[a-z]\d$", name) or name.lower().startswith(("what", "how", "when", "why", "where", "who")):
        return
    head = re.split(r" (?:in|of|for|per|to|at|on) ", name.lower())[0]
    verb = base_of(name.lower(), "s") if name.lower() in _VERB_COLUMNS else None
    if verb:
        yield from scene.propose("table_cell", f"{place}what does {row_name} {verb}?", cell, row, 0.8)
        return
    plural = head.endswith("s") and not head.endswith(("ss", "us", "is"))
    if head.endswith(("ed", "ing")) or head.split()[-1] in PREPOSITIONS | ADVERBS:
        return
    core = f"{place}what {'are' if plural else 'is'} the {column} of {row_name}?"
    yield from scene.propose("table_cell", core, cell, row, 0.8 if len(cell.text.split()) > 2 else 0.72)


def _series(scene: Scene, found: list[Span]) -> bool:
    """Tell a row of a time series: the same entity stands in other rows with other years."""
    text = scene.document.text if scene.document else scene.chunk.text
    years = [c.text for c in found if _YEAR.match(c.text)]
    return len(found) > 2 and len(years) == 1 and text.count(f"\n{found[0].text} | ") > 2


def _tidy_row(scene: Scene, names: list[str], found: list[Span], row: Span) -> Iterator[Candidate]:
    """Turn a row of tidy data (entity, year, value) into "What was the GDP value of Brazil in 1989?"."""
    year_at = next(i for i, c in enumerate(found) if _YEAR.match(c.text))
    values = [i for i in range(len(found)) if i != year_at and i and _NUMBER.fullmatch(found[i].text)]
    if len(values) != 1 or year_at == 0:
        return
    measure = names[values[0]]
    if generic(measure) or measure.lower() in _UNSAID:
        if _unreadable(found[values[0]].text):
            return
        stem = acronym(scene.chunk.title.rsplit(".", 1)[0])
        if not re.fullmatch(r"[A-Z]{2,6}|[A-Z][\w -]{2,40}", stem):
            return
        measure = stem if stem.isupper() else f"{stem} {measure.lower()}"
    entity, year = found[0].text, found[year_at].text
    if re.match(r"United |World$|.*(?:Republic|Kingdom|Islands|Federation|Union|States)$", entity):
        entity = f"the {entity}"
    core = f"what was the {measure} of {entity} in {year}?"
    yield Candidate(core[0].upper() + core[1:], found[values[0]], row, "table_cell", measure, 0.8)


def _unreadable(text: str) -> bool:
    """Tell a bare number of many digits, as programs write it."""
    return bool(_NUMBER.fullmatch(text)) and sum(c.isdigit() for c in text) > MOST_DIGITS


def _value(text: str) -> bool:
    if (
        text.strip("*` ").lower() in _EMPTY
        or text.endswith("?")
        or len(text) > 400
        or not clean(text)
        or points_elsewhere(text)
    ):
        return False
    return (
        bool(_NUMBER.fullmatch(text))
        or len(text.split()) >= 2
        or is_code(text)
        or bool(re.fullmatch(r"[A-Z][\w-]+", text))
    )


def _place(scene: Scene, row: Span) -> str:
    """Name the table by its nearest specific heading: "in the “Offices” table, "."""
    for heading in reversed(scene.headings_at(row)):
        name = tidy(heading)
        if name and not generic(name) and len(name.split()) <= 8 and name != scene.setting.title:
            return f"in the “{name.replace('`', '')}” table, "
    return ""


def _says_its_key(key: str, value: str) -> bool:
    """Tell a cell that only repeats the name of its row: "`question` | the question"."""
    told = set(re.findall(r"\w+", value.lower())) - ARTICLES - {"of", "name"}
    return told <= set(re.findall(r"\w+", key.lower()))
