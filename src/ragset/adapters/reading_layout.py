"""Lines with positions become parts: reading order of columns, paragraphs, headings, tables, hyphenation undone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ragset.adapters.reading_build import Part, one_line, table_text, unwrap
from ragset.adapters.reading_columns import PageLines, Segment, columns, lines_of

_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_BULLET = re.compile(r"^(?:[•▪■◦●○‣⁃·➢❑✓\uf0b7\uf0a7\uf076]|[-–—*](?=\s))\s*")
_NUMBERED = re.compile(r"^\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]\s+(?=\S)")
_PAGE_NUMBER = re.compile(
    r"^\W*(?:(?:page|seite|página|p\.?)\s*)?(?:\d{1,4}|[ivxlc]{1,6}|\d{1,3}-\d{1,4})(?:\s*(?:of|/|von|de)\s*\d{1,4})?\W*$",
    re.I,
)
_OPEN_END = re.compile(
    r"\b(?:a|an|and|for|have|if|in|is|may|must|not|of|on|or|see|than|that|the|to|under|with|you|your)$", re.I
)
_ENDS_SENTENCE = re.compile(r"[.!?:;。！？؟…]['\"”’)\]]*\d{0,3}$")


@dataclass(slots=True)
class _Row:
    """Segments that stand side by side, and the column they belong to."""

    cells: list[Segment]
    left: float
    right: float
    page: int
    heading: bool = False

    @property
    def text(self) -> str:
        return " ".join(cell.text for cell in self.cells)

    @property
    def y0(self) -> float:
        return min(c.y0 for c in self.cells)

    @property
    def y1(self) -> float:
        return max(c.y1 for c in self.cells)

    @property
    def size(self) -> float:
        return max(self.cells, key=lambda c: len(c.text)).size

    @property
    def bold(self) -> bool:
        return all(c.bold or c.italic for c in self.cells)

    @property
    def x0(self) -> float:
        return self.cells[0].x0

    @property
    def x1(self) -> float:
        return self.cells[-1].x1


def layout(pages: Sequence[PageLines]) -> list[Part]:
    """Turn the pages of a document into parts in reading order."""
    _drop_running_lines(pages)
    body = _body_size(pages)
    rows: list[_Row] = []
    for page in pages:
        rtl = sum(bool(_RTL.search(s.text)) for s in page.segments) > len(page.segments) / 2
        upright = [s for s in page.segments if not s.vertical]
        for s in page.segments:
            if s.vertical:
                rows.append(_Row([s], s.x0, s.x1, page.number))
        for column in columns(upright, body, rtl):
            rows.extend(_rows(column, page.number, rtl))
    words = Counter(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", " ".join(r.text for r in rows).lower()))
    return _Paragraphs(body, _heading_sizes(rows, body), words).parts(rows)


def _body_size(pages: Sequence[PageLines]) -> float:
    weights: Counter[float] = Counter()
    for page in pages:
        for s in page.segments:
            weights[round(s.size * 2) / 2] += len(s.text)
    return weights.most_common(1)[0][0] if weights else 10.0


def _drop_running_lines(pages: Sequence[PageLines]) -> None:
    """Drop headers and footers: lines near the edge that recur on other pages, and page numbers there."""
    seen: Counter[tuple[str, int]] = Counter()
    for page in pages:
        seen.update({_edge_key(page, s) for s in page.segments if _edge(page, s)})
    needed = max(2, min(4, len(pages) // 3 + 1))
    for page in pages:
        page.segments = [
            s
            for s in page.segments
            if not _edge(page, s)
            or not (_is_page_number(page, s) or (len(pages) > 1 and seen[_edge_key(page, s)] >= needed))
        ]


def _is_page_number(page: PageLines, s: Segment) -> bool:
    """Tell a page number from the number of a list item: it stands alone on its line."""
    beside = (o for o in page.segments if o is not s and abs(o.middle - s.middle) < 0.5 * s.size)
    return bool(_PAGE_NUMBER.match(s.text)) and all(max(o.x0 - s.x1, s.x0 - o.x1) > 3 * s.size for o in beside)


def _edge(page: PageLines, s: Segment) -> bool:
    return s.y1 < 0.1 * page.height or s.y0 > 0.9 * page.height


def _edge_key(page: PageLines, s: Segment) -> tuple[str, int]:
    return re.sub(r"\d+", "#", s.text), int(s.middle > page.height / 2)


def _rows(column: list[Segment], page: int, rtl: bool) -> Iterator[_Row]:
    left = min(s.x0 for s in column)
    right = max(s.x1 for s in column)
    for cells in lines_of(column):
        yield _Row(_close(sorted(cells, key=lambda s: s.x0, reverse=rtl), rtl), left, right, page)


def _close(cells: list[Segment], rtl: bool) -> list[Segment]:
    """Join cells of a row that stand no further apart than words do."""
    out = cells[:1]
    for cell in cells[1:]:
        last = out[-1]
        gap = last.x0 - cell.x1 if rtl else cell.x0 - last.x1
        bullet = bool(_BULLET.fullmatch(last.text) or _NUMBERED.fullmatch(f"{last.text} x"[:-1] + " "))
        if gap < 0.9 * max(last.size, cell.size) or (bullet and len(out) == 1) or _NUMBERED.match(f"{last.text} x"):
            out[-1] = Segment(
                f"{last.text} {cell.text}",
                min(last.x0, cell.x0),
                min(last.y0, cell.y0),
                max(last.x1, cell.x1),
                max(last.y1, cell.y1),
                max(last.size, cell.size),
                last.bold and cell.bold,
                italic=last.italic and cell.italic,
            )
        else:
            out.append(cell)
    return out


def _heading_sizes(rows: Sequence[_Row], body: float) -> list[float]:
    """Give the sizes larger than the body's, largest first: the ranks of headings."""
    sizes = Counter(round(r.size * 2) / 2 for r in rows if r.size > 1.15 * body and len(r.text) < 200)
    ranks: list[float] = []
    for size in sorted(sizes, reverse=True):
        if not ranks or size < 0.93 * ranks[-1]:
            ranks.append(size)
    return ranks


def _cell_edges(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """Give the columns of a table: runs of x that some cell covers, parted by strips that no cell enters."""
    edges: list[tuple[float, float]] = []
    for cell in sorted((c for r in rows if len(r.cells) > 1 for c in r.cells), key=lambda c: c.x0):
        if edges and cell.x0 < edges[-1][1]:
            edges[-1] = edges[-1][0], max(edges[-1][1], cell.x1)
        else:
            edges.append((cell.x0, cell.x1))
    return edges


@dataclass(slots=True)
class _Paragraphs:
    """Groups rows into paragraphs, headings, lists and tables."""

    body: float
    ranks: list[float]
    words: Counter[str]
    out: list[Part] = field(default_factory=list[Part])

    def parts(self, rows: list[_Row]) -> list[Part]:
        """Give the parts of the whole document."""
        self._mark_headings(rows)
        i = 0
        while i < len(rows):
            j = self._table_end(rows, i)
            if j > i:
                self._table(rows[i:j])
            else:
                j = i + 1
                while (
                    j < len(rows) and self._table_end(rows, j) == j and self._continues(rows[j - 1], rows[j], rows[i])
                ):
                    j += 1
                self._paragraph(rows[i:j])
            i = j
        return self.out

    def _mark_headings(self, rows: list[_Row]) -> None:
        """Mark the rows that look like headings and are not the bold beginning of a paragraph."""
        for row in rows:
            row.heading = self._looks_like_heading(row)
        for above, row in zip(reversed(rows[:-1]), reversed(rows[1:]), strict=True):
            near = row.left == above.left and row.page == above.page and row.y0 - above.y1 < 0.5 * row.size
            same_size = above.size <= 1.15 * self.body
            runs_on = not row.text[:1].isupper() or bool(_OPEN_END.search(above.text))
            if above.heading and same_size and near and not row.heading and runs_on:
                above.heading = False
            if row.heading and row.size <= 1.15 * self.body and near and not above.heading:
                row.heading = bool(_ENDS_SENTENCE.search(above.text)) or above.x1 < row.x1

    def _table_end(self, rows: list[_Row], i: int) -> int:
        """Give the end of the run of rows with several cells that begins at ``i`` (a wrapped cell may lie between)."""
        if len(rows[i].cells) < 2:
            return i
        j = last = i + 1
        while j < len(rows) and rows[j].page == rows[i].page and rows[j].left == rows[i].left:
            if rows[j].y0 - rows[j - 1].y1 > 2.5 * self.body:
                break
            if len(rows[j].cells) >= 2:
                last = j + 1
            elif j - last >= 1 or rows[j].x1 - rows[j].x0 > 0.6 * (rows[j].right - rows[j].left):
                break
            j += 1
        return last if last - i >= 3 and len(_cell_edges(rows[i:last])) >= 2 else i

    def _table(self, rows: list[_Row]) -> None:
        edges = _cell_edges(rows)
        grid: list[list[str]] = []
        for row in rows:
            line = [""] * len(edges)
            for cell in row.cells:
                center = (cell.x0 + cell.x1) / 2
                at = min(range(len(edges)), key=lambda k: abs((edges[k][0] + edges[k][1]) / 2 - center))
                line[at] = f"{line[at]} {cell.text}".strip()
            grid.append(line)
        self.out.append(Part("table", table_text(grid), page=rows[0].page))

    def _continues(self, above: _Row, row: _Row, first: _Row) -> bool:
        """Tell whether a row goes on with the paragraph of the row above it."""
        if _BULLET.match(row.text) or abs(row.size - above.size) > 0.12 * above.size:
            return False
        if _NUMBERED.match(row.text) and (_ENDS_SENTENCE.search(above.text) or _NUMBERED.match(first.text)):
            return False
        head = above.heading
        if head != row.heading or (head and above.bold != row.bold):
            return False
        gap = row.y0 - above.y1
        beside = min(row.right, above.right) - max(row.left, above.left) < 0.3 * (above.right - above.left)
        if row.page != above.page or beside or row.y1 < above.y0:
            return self._flows_on(above, row)
        if head:
            return gap < 1.1 * row.size
        if gap > 0.75 * row.size:
            return False
        if _RTL.search(row.text):
            return not (_ENDS_SENTENCE.search(above.text) and above.x1 - above.left > 0.12 * (above.right - above.left))
        indent = row.x0 - (above.x0 if above is not first else row.left)
        if row.text[:1].islower():
            return True
        short = above.right - above.x1 > 0.12 * (above.right - above.left)
        if indent > 0.8 * row.size and not _BULLET.match(first.text) and not (above is first and above.x0 < row.x0):
            return not (_ENDS_SENTENCE.search(above.text) or above is not first)
        return not (short and _ENDS_SENTENCE.search(above.text) and row.x0 >= above.x0 - row.size)

    def _flows_on(self, above: _Row, row: _Row) -> bool:
        text = above.text
        return (
            not row.heading
            and not _ENDS_SENTENCE.search(text)
            and (row.text[:1].islower() or (text.endswith("-") and row.text[:1].isalpha()))
        )

    def _looks_like_heading(self, row: _Row) -> bool:
        text = row.text
        if not 2 <= len(text) <= 200 or sum(c.isalpha() for c in text) < 2 or len(row.cells) > 1:
            return False
        if _BULLET.match(text) or text.endswith((",", ";")):
            return False
        if row.size > 1.15 * self.body:
            return True
        plain = row.bold and len(text) <= 100 and row.size > 0.9 * self.body
        return (
            plain and text[0].isalnum() and not re.match(r"(?:Figure|Fig\.|Table)\s", text) and text[-1] not in ".!,:"
        )

    def _level(self, size: float) -> int:
        for rank, known in enumerate(self.ranks[:4], 1):
            if size >= 0.93 * known:
                return rank
        return min(len(self.ranks), 4) + 1

    def _paragraph(self, rows: list[_Row]) -> None:
        lines = [row.text for row in rows]
        text = self._dehyphenated(lines)
        page = rows[0].page
        if rows[0].heading:
            self.out.append(Part("heading", text, level=self._level(rows[0].size), page=page))
        elif bullet := _BULLET.match(text):
            if rest := text[bullet.end() :].strip():
                self.out.append(Part("list", rest, page=page))
        elif number := _NUMBERED.match(text):
            self.out.append(Part("list", text[number.end() :], page=page, marker=number[0].strip() + " "))
        else:
            self.out.append(Part("paragraph", text, page=page))

    def _dehyphenated(self, lines: list[str]) -> str:
        joined: list[str] = []
        for line in lines:
            before = re.search(r"([^\W\d_]+(?:-[^\W\d_]+)*)[-\u2010]$", joined[-1]) if joined else None
            after = re.match(r"[^\W\d_]+", line)
            if before and after and after[0][0].islower():
                whole, parted = (before[1] + after[0]).lower(), f"{before[1]}-{after[0]}".lower()
                keep = self.words[parted] > self.words[whole] or (not self.words[whole] and "-" in before[1])
                joined[-1] = (joined[-1] if keep else joined[-1][:-1]) + line
            else:
                joined.append(line)
        return one_line(unwrap(joined))
