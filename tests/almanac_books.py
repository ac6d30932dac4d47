"""Writers of the almanac's larger formats: PDF, EPUB and OpenDocument."""

from __future__ import annotations

import io
from html import escape

from almanac_write import Block, blocks, html_body, pack, title_of

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:"


def as_pdf(text: str, columns: int = 1) -> bytes:
    """Write PDF with headings in a larger type and ruled tables; ``columns`` is 1 or 2."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    width, height = A4
    margin, gap = 60, 24
    column = (width - 2 * margin - (columns - 1) * gap) / columns
    frames = [
        Frame(margin + at * (column + gap), margin, column, height - 2 * margin, id=f"column{at}")
        for at in range(columns)
    ]
    out = io.BytesIO()
    document = BaseDocTemplate(out, pagesize=A4, title=title_of(text), author="The almanac", invariant=1)
    document.addPageTemplates([PageTemplate(frames=frames, onPage=_page_number)])
    document.build([flowable for block in blocks(text) for flowable in _flowables(block, column)])
    return out.getvalue()


def _page_number(canvas, document) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawCentredString(297, 30, str(document.page))


def _flowables(block: Block, width: float) -> list:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import ListFlowable, Paragraph, Spacer

    styles = getSampleStyleSheet()
    if block.kind in ("h1", "h2"):
        return [Paragraph(escape(block.text), styles[f"Heading{block.kind[1]}"])]
    if block.kind == "table":
        return [_table(block, width), Spacer(1, 10)]
    if block.items:
        items = [Paragraph(escape(item), styles["BodyText"]) for item in block.items]
        if block.kind == "ol":
            return [ListFlowable(items, bulletType="1", bulletFormat="%s.")]
        return [ListFlowable(items, bulletType="bullet")]
    return [Paragraph(escape(block.text), styles["BodyText"])]


def _table(block: Block, width: float):
    from reportlab.lib import colors
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, Table, TableStyle

    style = getSampleStyleSheet()["BodyText"]
    rows = [[Paragraph(escape(cell), style) for cell in row] for row in block.rows]
    table = Table(rows, colWidths=[width / len(rows[0])] * len(rows[0]), repeatRows=1)
    rules = [("GRID", (0, 0), (-1, -1), 0.5, colors.black), ("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey)]
    table.setStyle(TableStyle(rules))
    return table


def as_epub(text: str) -> bytes:
    """Write EPUB 3: one chapter for each second-level heading."""
    title = title_of(text)
    head, *rest = text.strip().split("\n## ")
    chapters = [head, *(f"## {part}" for part in rest)]
    names = [f"chapter{at:02}" for at in range(len(chapters))]
    pages = [(f"OEBPS/{n}.xhtml", _xhtml(title, html_body(c))) for n, c in zip(names, chapters, strict=True)]
    heads = [next(b.text for b in blocks(c)) for c in chapters]
    links = "".join(f'<li><a href="{n}.xhtml">{escape(h)}</a></li>' for n, h in zip(names, heads, strict=True))
    nav = f'<nav epub:type="toc" id="toc"><h1>Contents</h1><ol>{links}</ol></nav>'
    container = (
        f'{_XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    files = [
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container.encode()),
        ("OEBPS/book.opf", _package(title, names)),
        ("OEBPS/nav.xhtml", _xhtml(title, nav)),
        *pages,
    ]
    return pack(files, stored="mimetype")


def _xhtml(title: str, body: str) -> bytes:
    page = (
        f'{_XML}<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en">\n'
        f"<head><title>{escape(title)}</title></head>\n<body>\n{body}\n</body>\n</html>\n"
    )
    return page.encode()


def _package(title: str, names: list[str]) -> bytes:
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in names)
    nav = '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    spine = "".join(f'<itemref idref="{n}"/>' for n in names)
    meta = (
        f'<dc:identifier id="uid">almanac-{escape(names[-1])}</dc:identifier><dc:title>{escape(title)}</dc:title>'
        '<dc:language>en</dc:language><meta property="dcterms:modified">2026-01-01T00:00:00Z</meta>'
    )
    package = (
        f'{_XML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="uid">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{meta}</metadata>'
        f"<manifest>{nav}{items}</manifest><spine>{spine}</spine></package>"
    )
    return package.encode()


def as_odt(text: str, language: str) -> bytes:
    """Write an OpenDocument text with headings, paragraphs, lists and tables."""
    body = "".join(_odt_block(block) for block in blocks(text))
    spaces = "".join(f' xmlns:{n}="{_OFFICE}{n}:1.0"' for n in ("office", "text", "table"))
    content = (
        f'{_XML}<office:document-content{spaces} office:version="1.2"><office:body><office:text>{body}'
        "</office:text></office:body></office:document-content>"
    )
    meta = (
        f'{_XML}<office:document-meta xmlns:office="{_OFFICE}office:1.0" xmlns:meta="{_OFFICE}meta:1.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" office:version="1.2"><office:meta>'
        f"<dc:title>{escape(title_of(text))}</dc:title><dc:language>{language}</dc:language>"
        "</office:meta></office:document-meta>"
    )
    styles = (
        f'{_XML}<office:document-styles xmlns:office="{_OFFICE}office:1.0" office:version="1.2"><office:styles/>'
        "</office:document-styles>"
    )
    mime = "application/vnd.oasis.opendocument.text"
    parts = [("content.xml", content), ("styles.xml", styles), ("meta.xml", meta)]
    entries = [("/", mime), *((name, "text/xml") for name, _ in parts)]
    listed = "".join(f'<manifest:file-entry manifest:full-path="{p}" manifest:media-type="{m}"/>' for p, m in entries)
    manifest = (
        f'{_XML}<manifest:manifest xmlns:manifest="{_OFFICE}manifest:1.0" manifest:version="1.2">{listed}'
        "</manifest:manifest>"
    )
    files = [("mimetype", mime), *parts, ("META-INF/manifest.xml", manifest)]
    return pack([(name, data.encode()) for name, data in files], stored="mimetype")


def _odt_block(block: Block) -> str:
    if block.kind in ("h1", "h2"):
        return f'<text:h text:outline-level="{block.kind[1]}">{escape(block.text)}</text:h>'
    if block.kind == "table":
        rows = "".join(f"<table:table-row>{''.join(map(_odt_cell, row))}</table:table-row>" for row in block.rows)
        column = f'<table:table-column table:number-columns-repeated="{len(block.rows[0])}"/>'
        return f'<table:table table:name="table">{column}{rows}</table:table>'
    if block.items:
        items = "".join(f"<text:list-item><text:p>{escape(i)}</text:p></text:list-item>" for i in block.items)
        return f"<text:list>{items}</text:list>"
    return f"<text:p>{escape(block.text)}</text:p>"


def _odt_cell(value: str) -> str:
    return f"<table:table-cell><text:p>{escape(value)}</text:p></table:table-cell>"
