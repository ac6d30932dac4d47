"""Writers of the almanac's formats; the same text gives the same bytes, whenever it is written."""

from __future__ import annotations

import csv
import io
import re
import textwrap
import zipfile
from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import NamedTuple

STAMP = datetime(2026, 1, 1)
_ZIP_DATE = (2026, 1, 1, 0, 0, 0)


class Block(NamedTuple):
    """A piece of a text: ``h1``, ``h2``, ``p``, ``ul``, ``ol`` (items) or ``table`` (rows)."""

    kind: str
    text: str = ""
    items: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def blocks(text: str) -> Iterator[Block]:
    """Read the small markup (a part of Markdown) into blocks; a list may follow its lead-in line at once."""
    for part in re.split(r"\n\s*\n", text.strip()):
        if part.startswith("#"):
            mark, _, title = part.partition(" ")
            yield Block(f"h{len(mark)}", title)
        elif part.startswith("|"):
            lines = [line.strip("|").split("|") for line in part.splitlines()]
            rows = [tuple(cell.strip() for cell in line) for line in lines]
            yield Block("table", rows=(rows[0], *rows[2:]))
        else:
            yield from _prose(part)


def _prose(part: str) -> Iterator[Block]:
    lead, *items = re.split(r"(?m)^(?:- |\d+\. )", part)
    if lead.strip():
        yield Block("p", _fold(lead))
    if items:
        ordered = re.search(r"(?m)^\d+\. ", part) is not None
        yield Block("ol" if ordered else "ul", items=tuple(_fold(item) for item in items))


def _fold(text: str) -> str:
    return " ".join(text.split())


def title_of(text: str) -> str:
    """Give the text of the first heading."""
    return next(b.text for b in blocks(text) if b.kind == "h1")


def pack(files: list[tuple[str, bytes]], stored: str = "") -> bytes:
    """Make a zip with fixed dates and order; the member named ``stored`` is not compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as box:
        for name, data in files:
            info = zipfile.ZipInfo(name, _ZIP_DATE)
            info.compress_type = zipfile.ZIP_STORED if name == stored else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            box.writestr(info, data)
    return out.getvalue()


def repack(data: bytes) -> bytes:
    """Give an Office file fixed dates, in the container and in its properties."""
    with zipfile.ZipFile(io.BytesIO(data)) as box:
        files = [(name, box.read(name)) for name in sorted(box.namelist(), key=lambda n: (n[0] != "[", n))]
    when = STAMP.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    date = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
    return pack([(n, date.sub(rb"\g<1>" + when, d) if n == "docProps/core.xml" else d) for n, d in files])


def as_markdown(text: str) -> bytes:
    return (text.strip() + "\n").encode()


def as_txt(text: str) -> bytes:
    out: list[str] = []
    for block in blocks(text):
        if block.kind in ("h1", "h2"):
            out.append(f"{block.text}\n{('=' if block.kind == 'h1' else '-') * len(block.text)}")
        elif block.kind == "table":
            width = max(len(row[0]) for row in block.rows)
            out.append("\n".join(f"{row[0]:<{width}}   {row[1]}" for row in block.rows))
        elif block.items:
            out.append("\n".join(_wrapped(item, "- ") for item in block.items))
        else:
            out.append(textwrap.fill(block.text, 78))
    return ("\n\n".join(out) + "\n").encode()


def as_rst(text: str) -> bytes:
    out: list[str] = []
    for block in blocks(text):
        if block.kind in ("h1", "h2"):
            out.append(f"{block.text}\n{('=' if block.kind == 'h1' else '-') * len(block.text)}")
        elif block.kind == "table":
            out.append(_rst_table(block.rows))
        elif block.items:
            out.append("\n".join(_wrapped(item, "- " if block.kind == "ul" else "#. ") for item in block.items))
        else:
            out.append(textwrap.fill(block.text, 100))
    return ("\n\n".join(out) + "\n").encode()


def _wrapped(text: str, bullet: str) -> str:
    return textwrap.fill(text, 78, initial_indent=bullet, subsequent_indent=" " * len(bullet))


def _rst_table(rows: tuple[tuple[str, ...], ...]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def html_body(text: str) -> str:
    """Write the blocks as HTML elements, one a line."""
    out: list[str] = []
    for block in blocks(text):
        if block.kind == "table":
            head = "".join(f"<th>{escape(cell)}</th>" for cell in block.rows[0])
            body = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows[1:]]
            lines = [f"<thead><tr>{head}</tr></thead>", "<tbody>", *body, "</tbody>"]
            out += ["<table>", *lines, "</table>"]
        elif block.items:
            out += [f"<{block.kind}>", *(f"<li>{escape(item)}</li>" for item in block.items), f"</{block.kind}>"]
        else:
            out.append(f"<{block.kind}>{escape(block.text)}</{block.kind}>")
    return "\n".join(out)


def as_html(text: str) -> bytes:
    title = escape(title_of(text))
    page = f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<nav><a href="index.html">Almanac</a> <a href="index.html#kitchen">Kitchen</a></nav>
<main>
{html_body(text)}
</main>
<footer>The almanac, a sample corpus.</footer>
</body>
</html>
"""
    return page.encode()


def as_docx(text: str) -> bytes:
    import docx

    document = docx.Document()
    document.core_properties.title = title_of(text)
    document.core_properties.author = "The almanac"
    for block in blocks(text):
        if block.kind in ("h1", "h2"):
            document.add_heading(block.text, int(block.kind[1]))
        elif block.kind == "table":
            table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
            for row in block.rows:
                for cell, value in zip(table.add_row().cells, row, strict=True):
                    cell.text = value
        elif block.items:
            for item in block.items:
                document.add_paragraph(item, style="List Bullet" if block.kind == "ul" else "List Number")
        else:
            document.add_paragraph(block.text)
    out = io.BytesIO()
    document.save(out)
    return repack(out.getvalue())


def as_pptx(text: str) -> bytes:
    import pptx
    from pptx.util import Inches, Pt

    deck = pptx.Presentation()
    deck.core_properties.title = title_of(text)
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    slide.shapes.title.text = title_of(text)
    slide.placeholders[1].text = "From the green bean to the cup"
    frame = None
    for block in list(blocks(text))[1:]:
        if block.kind == "h2":
            slide = deck.slides.add_slide(deck.slide_layouts[1])
            slide.shapes.title.text = block.text
            frame = slide.placeholders[1].text_frame
        elif block.kind == "table":
            size = (len(block.rows), len(block.rows[0]))
            table = slide.shapes.add_table(*size, Inches(0.5), Inches(4.4), Inches(9), Inches(0.3)).table
            for at, row in enumerate(block.rows):
                for column, value in enumerate(row):
                    table.cell(at, column).text = value
        else:
            for line in block.items or (block.text,):
                paragraph = frame.paragraphs[0] if not frame.text else frame.add_paragraph()
                paragraph.text, paragraph.font.size = line, Pt(16)
    out = io.BytesIO()
    deck.save(out)
    return repack(out.getvalue())


def as_xlsx(sheets: dict[str, list[tuple]], notes: list[str]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.properties.title, book.properties.creator = "Standard Paper Sizes", "The almanac"
    first = book.active
    first.title = "Notes"
    for note in ["Standard Paper Sizes", *notes]:
        first.append([note])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return repack(out.getvalue())


def as_csv(rows: list[tuple]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def as_rtf(text: str) -> bytes:
    """Write Rich Text Format: styles for headings, one row group a table row, everything else escaped to ASCII."""
    out = [r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Times New Roman;}}"]
    out.append(r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0\b\fs36 heading 1;}{\s2\outlinelevel1\b\fs28 heading 2;}}")
    for block in blocks(text):
        if block.kind in ("h1", "h2"):
            level = int(block.kind[1])
            out.append(rf"{{\pard\s{level}\outlinelevel{level - 1}\b\fs{44 - 8 * level} {_rtf(block.text)}\par}}")
        elif block.kind == "table":
            out += [_rtf_row(row) for row in block.rows]
        else:
            out += [rf"{{\pard\s0\sa120 {_rtf(line)}\par}}" for line in block.items or (block.text,)]
    return ("\n".join(out) + "\n}\n").encode("ascii")


def _rtf_row(row: tuple[str, ...]) -> str:
    edges = "".join(rf"\cellx{2400 * at}" for at in range(1, len(row) + 1))
    return rf"\trowd{edges}" + "".join(rf"\pard\intbl {_rtf(cell)}\cell" for cell in row) + r"\row"


def _rtf(text: str) -> str:
    plain = re.sub(r"([\\{}])", r"\\\1", text)
    return "".join(c if c.isascii() else rf"\'{c.encode('cp1252').hex()}" for c in plain)
