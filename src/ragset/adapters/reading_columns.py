"""Reading order: gutters between columns of text are found, and tables are not taken for columns."""

from __future__ import annotations

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text on one line; y grows downwards, sizes are in points."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool = False
    vertical: bool = False
    italic: bool = False

    @property
    def middle(self) -> float:
        """Vertical middle."""
        return (self.y0 + self.y1) / 2


@dataclass(slots=True)
class PageLines:
    """The segments of one page, in the file's own order."""

    number: int
    width: float
    height: float
    segments: list[Segment]


def columns(segments: list[Segment], body: float, rtl: bool, depth: int = 0) -> Iterator[list[Segment]]:
    """Split at gutters; what crosses a gutter parts the page into bands that are read one after the other."""
    if depth == 0 and len(regions := _regions(segments, body)) > 1:
        for region in regions:
            yield from columns(region, body, rtl, 1)
        return
    gutter = _gutter(segments, body) if depth < 5 else None
    if gutter is None:
        if segments:
            yield segments
        return
    crossing = sorted((s for s in segments if s.x0 < gutter < s.x1), key=lambda s: s.middle)
    rest = [s for s in segments if not s.x0 < gutter < s.x1]
    bands: list[tuple[list[Segment], list[Segment]]] = []
    for separator in [*crossing, None]:
        above = [s for s in rest if separator is None or s.middle < separator.middle]
        rest = [s for s in rest if separator is not None and s.middle >= separator.middle]
        if above or not bands:
            bands.append((above, []))
        if separator is not None:
            bands[-1][1].append(separator)
    for band, after in bands:
        sides = ([s for s in band if s.x1 <= gutter], [s for s in band if s.x0 >= gutter])
        for side in reversed(sides) if rtl else sides:
            yield from columns(side, body, rtl, depth + 1)
        if after:
            yield after


def _regions(segments: list[Segment], body: float) -> list[list[Segment]]:
    """Part tables that stand by themselves between blank strips from the rest, so that no gutter cuts them."""
    bands: list[list[list[Segment]]] = []
    bottom = float("-inf")
    for row in lines_of(segments):
        if not bands or min(s.y0 for s in row) - bottom > 1.2 * body:
            bands.append([])
        bands[-1].append(row)
        bottom = max(bottom, *(s.y1 for s in row))
    regions: list[list[Segment]] = []
    was_table = True
    for band in bands:
        is_table = _is_table(band)
        if is_table or was_table:
            regions.append([])
        regions[-1].extend(s for row in band for s in row)
        was_table = is_table
    return regions


def _is_table(rows: list[list[Segment]]) -> bool:
    if len(rows) < 3 or sum(len(row) >= 2 for row in rows) < 0.7 * len(rows):
        return False
    return statistics.median(len(s.text) for row in rows for s in row) < 14


def _gutter(segments: list[Segment], body: float) -> float | None:
    """Find a vertical strip that few segments cross, with text that fills the columns on both sides."""
    if len(segments) < 8:
        return None
    starts, ends = sorted(s.x0 for s in segments), sorted(s.x1 for s in segments)
    left, right, half = starts[0], ends[-1], 0.25 * body
    found: list[tuple[float, float]] = []
    x = left + 0.15 * (right - left)
    while x < right - 0.15 * (right - left):
        crossing = len(segments) - bisect_right(ends, x - half) - (len(segments) - bisect_left(starts, x + half))
        if crossing <= 0.2 * len(segments):
            found.append((crossing + abs(x - (left + right) / 2) / (right - left), x))
        x += max(1.0, body / 6, (right - left) / 300)
    tried: list[float] = []
    for _, x in sorted(found):
        if len(tried) < 12 and all(abs(x - other) > 1.5 * body for other in tried):
            tried.append(x)
            if all(_is_column(side) for side in _sides(segments, x)):
                return x
    return None


def _sides(segments: list[Segment], gutter: float) -> tuple[list[Segment], list[Segment]]:
    return [s for s in segments if s.x1 <= gutter], [s for s in segments if s.x0 >= gutter]


def _is_column(side: list[Segment]) -> bool:
    """Tell a column of text from a column of a table: most lines fill its width."""
    lines = [row for row in lines_of(side) if row]
    if len(lines) < 4:
        return False
    x0 = statistics.quantiles([min(s.x0 for s in row) for row in lines], n=10)[0]
    x1 = statistics.quantiles([max(s.x1 for s in row) for row in lines], n=10)[-1]
    width = max(x1 - x0, 1.0)
    full = sum(sum(s.x1 - s.x0 for s in row) > 0.6 * width for row in lines)
    letters = statistics.median(sum(len(s.text) for s in row) for row in lines)
    return full >= 0.45 * len(lines) and letters >= 14 and width > 60


def lines_of(segments: list[Segment]) -> list[list[Segment]]:
    """Gather what stands side by side, from top to bottom."""
    rows: list[list[Segment]] = []
    for s in sorted(segments, key=lambda s: s.middle):
        last = rows[-1][0] if rows else None
        if last and abs(s.middle - last.middle) < 0.5 * min(s.y1 - s.y0, last.y1 - last.y0):
            rows[-1].append(s)
        else:
            rows.append([s])
    return rows
