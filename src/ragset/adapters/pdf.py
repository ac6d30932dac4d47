"""PDF to parts: pdfium gives characters with boxes; pdfminer.six reads what pdfium cannot."""

from __future__ import annotations

import io
import re
import statistics
from collections.abc import Iterator
from ctypes import byref, c_int, create_string_buffer
from dataclasses import replace
from typing import Any

from ragset.adapters.reading_build import Parsed, clean, one_line
from ragset.adapters.reading_columns import PageLines, Segment
from ragset.adapters.reading_layout import layout
from ragset.errors import DocumentError

_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_CODE = re.compile(r"\d+[A-Za-z]{1,4}|[A-Za-z]{1,4}\d+[A-Za-z]?")
_JUNK_TITLE = re.compile(r"untitled|microsoft|\.\w{2,4}$|^\W*$|^[\w.-]*\d{4,}[\w.-]*$|^slide \d|^document\d*$", re.I)
MAX_PAGES = 5000
Box = tuple[float, float, float, float]


def read_pdf(data: bytes) -> Parsed:
    """Read a PDF's text in reading order; raises ``DocumentError`` with what to do when there is none.

    A permission flag against copying is not obeyed: the text of such a file is readable without a password, and
    what may be done with it is the user's to know.
    """
    pages, title, images = _pdfium_pages(data)
    if not any(page.segments for page in pages):
        raise _no_text(images)
    parts = layout(pages)
    if not parts:
        raise _no_text(images)
    # Where no heading is set larger than the text, the first one is no title.
    flat = title and len({part.level for part in parts if part.kind == "heading"}) < 2
    metadata = {"page_count": len(pages)} | ({"title_is_certain": True} if flat else {})
    return Parsed(parts, "application/pdf", title=title, metadata=metadata)


def _no_text(images: bool) -> DocumentError:
    if images:
        return DocumentError("is a scan: its pages are images without a text layer", hint="run OCR on it first")
    return DocumentError("has pages but no text on them", hint="nothing to do, or leave it out")


def _pdfium_pages(data: bytes) -> tuple[list[PageLines], str | None, bool]:
    import pypdfium2 as pdfium

    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise DocumentError(
                "is encrypted: it needs a password to open", hint="save a copy without the password"
            ) from None
        return _miner_pages(data, None), None, False
    try:
        if len(document) > MAX_PAGES:
            raise DocumentError(f"has more than {MAX_PAGES:,} pages", hint="split it")
        pages = [_page(document, number) for number in range(len(document))]
        title = _title(document)
        images = not any(p.segments for p in pages) and any(_has_image(document, i) for i in range(min(20, len(pages))))
    finally:
        document.close()
    return _second_opinion(data, pages), title, images


def _second_opinion(data: bytes, pages: list[PageLines]) -> list[PageLines]:
    """Ask pdfminer for pages whose characters pdfium maps to no words, and take the better reading."""
    weak = [i for i, page in enumerate(pages) if page.segments and _wordlike(page) < 0.5][:50]
    if not weak:
        return pages
    try:
        others = _miner_pages(data, weak)
    except DocumentError:
        return pages
    for i, other in zip(weak, others, strict=False):
        if other.segments and _wordlike(other) > _wordlike(pages[i]) + 0.2:
            pages[i] = other
    return pages


def _wordlike(page: PageLines) -> float:
    tokens = [t for s in page.segments for t in s.text.split()]
    return sum(len(t) for t in tokens if _is_word(re.sub(r"[\W_]+", "", t))) / max(1, sum(map(len, tokens)))


def _is_word(core: str) -> bool:
    """Tell words, numbers and codes from the mixture that a wrong character map gives."""
    if not core or core.isdigit() or _CODE.fullmatch(core):
        return True
    cased = core[1:].islower() or core.isupper() or core.lower() == core.upper()
    return core.isalpha() and len(core) <= 40 and (cased or len(re.findall("[A-Z]", core)) <= len(core) / 3)


def _title(document: Any) -> str | None:
    try:
        title = one_line(str(document.get_metadata_value("Title") or ""))
    except (UnicodeError, ValueError):
        return None
    return None if not title or _JUNK_TITLE.search(title) or len(title) > 200 else title


def _has_image(document: Any, number: int) -> bool:
    import pypdfium2 as pdfium
    from pypdfium2 import raw

    try:
        return any(True for _ in document[number].get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))
    except pdfium.PdfiumError:
        return False


def _page(document: Any, number: int) -> PageLines:
    import pypdfium2 as pdfium

    try:
        page = document[number]
        width, height = page.get_size()
        text_page = page.get_textpage()
    except pdfium.PdfiumError:
        return PageLines(number + 1, 612, 792, [])
    try:
        segments = _joined(list(_segments(text_page, height)))
    finally:
        text_page.close()
        page.close()
    return PageLines(number + 1, width, height, segments)


def _segments(text_page: Any, height: float) -> Iterator[Segment]:
    """Cut the characters into runs that lie on one line without a wide gap."""
    from pypdfium2 import raw

    box, run = raw.FS_RECTF(), _Run(text_page, height)
    unicode_at, box_at = raw.FPDFText_GetUnicode, raw.FPDFText_GetLooseCharBox
    for i in range(raw.FPDFText_CountChars(text_page)):
        code = unicode_at(text_page, i)
        if code in (10, 13):
            yield from run.close()
            continue
        if code in (32, 160, 9, 0):
            run.blank()
            continue
        box_at(text_page, i, byref(box))
        place = (box.left, box.top, box.right, box.bottom)
        if run.breaks(place):
            yield from run.close()
        run.add(i, "-" if code in (2, 0xFFFE) else chr(code), place)
    yield from run.close()


class _Run:
    """The characters of the segment at hand."""

    def __init__(self, text_page: Any, height: float) -> None:
        self.text_page, self.page_height = text_page, height
        self.first = self.at = 0
        self.chars: list[str] = []
        self.boxes: list[Box | None] = []
        self.last: Box | None = None

    def blank(self) -> None:
        if self.chars and self.chars[-1] != " ":
            self.chars.append(" ")
            self.boxes.append(None)

    def add(self, index: int, char: str, box: Box) -> None:
        if not self.chars:
            self.first = index
        self.chars.append(char)
        self.boxes.append(box)
        self.last, self.at = box, index

    def breaks(self, box: Box) -> bool:
        """Tell whether the next character stands across a wide gap, of this line or to another one."""
        if self.last is None:
            return False
        left, top, right, bottom = self.last
        em = max(top - bottom, box[1] - box[3], 1.0)
        return box[0] - right > 0.5 * em or left - box[2] > 0.5 * em

    def close(self) -> Iterator[Segment]:
        text = self._text()
        boxes = [b for b in self.boxes if b]
        if text and boxes:
            x0, x1 = min(b[0] for b in boxes), max(b[2] for b in boxes)
            top, bottom = max(b[1] for b in boxes), min(b[3] for b in boxes)
            em = statistics.median(b[1] - b[3] for b in boxes)
            vertical = len(boxes) > 2 and (top - bottom) > 2.5 * em and (top - bottom) > 2 * (x1 - x0)
            y0, y1 = self.page_height - top, self.page_height - bottom
            bold, italic = self._style()
            yield Segment(text, x0, y0, x1, y1, em, bold, vertical, italic)
        self.chars, self.boxes, self.last = [], [], None

    def _text(self) -> str:
        chars = list(self.chars)
        joined = "".join(chars)
        if _RTL.search(joined):
            # pdfium reverses right-to-left lines letter by letter; the letters of one ligature glyph share a box.
            i = 0
            while i < len(chars):
                j = i + 1
                while j < len(chars) and self.boxes[i] is not None and self.boxes[j] == self.boxes[i]:
                    j += 1
                if j - i > 1 and _RTL.match(chars[i]):
                    chars[i:j] = chars[i:j][::-1]
                i = j
            joined = re.sub(" +(?=[\u064b-\u0652])", "", "".join(chars))
        paired = joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return clean(paired.translate(_LIGATURES)).strip()

    def _style(self) -> tuple[bool, bool]:
        """Tell whether the run is bold, or italic, from its first letter to its last."""
        ends = [self._font(i) for i in (self.first, self.at)]
        bold = all(weight >= 600 or re.search("bold|black|heavy|demi", name) for name, weight in ends)
        return bold, all(re.search("italic|oblique", name) for name, _ in ends)

    def _font(self, index: int) -> tuple[str, int]:
        from pypdfium2 import raw

        name, flags = create_string_buffer(128), c_int()
        raw.FPDFText_GetFontInfo(self.text_page, index, name, 128, byref(flags))
        return name.value.decode("utf-8", "replace").lower(), raw.FPDFText_GetFontWeight(self.text_page, index)


def _joined(segments: list[Segment]) -> list[Segment]:
    """Join neighbours that one line was split into (superscripts, font changes)."""
    out: list[Segment] = []
    for segment in segments:
        last = out[-1] if out else None
        if last and not last.vertical and not segment.vertical and _touches(last, segment):
            blank = " " if segment.x0 - last.x1 > 0.15 * last.size else ""
            out[-1] = replace(
                last,
                text=last.text + blank + segment.text,
                y0=min(last.y0, segment.y0),
                x1=max(last.x1, segment.x1),
                y1=max(last.y1, segment.y1),
                size=max(last.size, segment.size),
                bold=last.bold and segment.bold,
                italic=last.italic and segment.italic,
            )
        else:
            out.append(segment)
    return out


def _touches(a: Segment, b: Segment) -> bool:
    overlap = min(a.y1, b.y1) - max(a.y0, b.y0)
    gap = b.x0 - a.x1
    return overlap > 0.45 * min(a.y1 - a.y0, b.y1 - b.y0) and -0.3 * a.size < gap < 0.35 * max(a.size, b.size)


def _miner_pages(data: bytes, wanted: list[int] | None) -> list[PageLines]:
    """Read pages with pdfminer.six: slower, but it forgives more and knows other character maps."""
    import logging

    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LAParams
    from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect

    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
    pages: list[PageLines] = []
    try:
        for page in extract_pages(io.BytesIO(data), page_numbers=wanted, maxpages=MAX_PAGES, laparams=LAParams()):
            number = wanted[len(pages)] + 1 if wanted else len(pages) + 1
            segments = list(_miner_segments(page, page.height))
            pages.append(PageLines(number, page.width, page.height, segments))
    except (PDFPasswordIncorrect, PDFEncryptionError):
        raise DocumentError("is encrypted in a way that cannot be opened", hint="save an unlocked copy") from None
    except RecursionError:
        raise DocumentError("is a damaged PDF: its objects contain themselves", hint="export it again") from None
    except Exception as error:  # pdfminer raises almost anything on damaged files
        raise DocumentError(
            f"is not a readable PDF ({type(error).__name__}: {error})"[:150], hint="open and export it again"
        ) from None
    if not pages:
        raise DocumentError("is a damaged PDF: no pages can be found in it", hint="open and export it again")
    return pages


def _miner_segments(item: Any, height: float) -> Iterator[Segment]:
    from pdfminer.layout import LTChar, LTTextContainer, LTTextLine

    for element in item:
        if isinstance(element, LTTextLine):
            text = clean(element.get_text().translate(_LIGATURES)).strip()
            chars = [c for c in element if isinstance(c, LTChar)]
            if text and chars:
                size = statistics.median(c.size for c in chars)
                bold = bool(re.search("bold|black|heavy|demi", chars[0].fontname, re.I))
                yield Segment(text, element.x0, height - element.y1, element.x1, height - element.y0, size, bold)
        elif isinstance(element, LTTextContainer):
            yield from _miner_segments(element, height)
