"""Each format becomes the canonical text a reader would expect, with exact headings, pages and blocks."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from ragset.adapters.reading import hash_file, parser_fingerprint, read_document, source_hash
from ragset.adapters.reading_build import clean, pretty_stem
from ragset.adapters.text_formats import decode
from ragset.errors import DocumentError
from ragset.schema.documents import Document, SourceFile


def read(name: str, data: bytes | str, max_chars: int = 1_000_000) -> Document:
    raw = data.encode() if isinstance(data, str) else data
    file = SourceFile(corpus="c", root="/r", path=name, absolute=f"/r/{name}", size=len(raw))
    document = read_document(file, raw, max_chars)
    for block in document.blocks:
        piece = document.text[block.start : block.end]
        assert piece.strip(), block
        assert piece == piece.strip("\n")
    for heading in document.headings:
        assert document.text[heading.start :].startswith(heading.text)
    between = [document.text[a.end : b.start] for a, b in zip(document.blocks, document.blocks[1:], strict=False)]
    assert set(between) <= {"\n\n"}
    return document


def kinds(document: Document) -> list[str]:
    return [block.kind for block in document.blocks]


def test_markdown_keeps_structure_and_drops_what_is_not_text() -> None:
    source = """---
title: "The real title"
tags: [a]
---
# Intro

See [the guide](https://x.example/y) and use `pip install` **now**.
Wrapped line.

<!-- hidden -->
![alt](pic.png)

1. One
2. Two
   - deep

| A | B |
|---|---|
| 1 | `x` |

```python
def f():

    return "<!-- kept -->"
```
"""
    document = read("a/guide.md", source)
    assert document.title == "The real title"
    assert document.text == (
        "Intro\n\nSee the guide and use `pip install` now. Wrapped line.\n\n1. One\n2. Two\n  - deep\n\n"
        "A | B\n1 | `x`\n\n"
        'def f():\n\n    return "<!-- kept -->"'
    )
    assert kinds(document) == ["heading", "paragraph", "list", "table", "code"]
    assert document.id == "c/a/guide.md"
    assert document.headings_at(20) == ("Intro",)


def test_text_unwraps_paragraphs_and_finds_lists_and_headings() -> None:
    wrapped = "This is a long line of a paragraph that was wrapped by hand,\n"
    wrapped += "and this is its second line, which is long too, and\nthe end."
    document = read("notes_2024.txt", f"TITLE LINE\n\n{wrapped}\n\n* one\n* two\n\nRoses are red\nviolets blue\n")
    assert kinds(document) == ["heading", "paragraph", "list", "paragraph"]
    assert "by hand, and this is its second line" in document.text
    assert "- one\n- two" in document.text
    assert document.text.endswith("Roses are red\nviolets blue")


def test_html_drops_chrome_and_keeps_tables_code_and_lists() -> None:
    page = """<!doctype html><html><head><title>Shop - Home</title><style>p{}</style></head><body>
    <nav><a href=/>Home</a></nav><main><h1>Returns</h1><p>Send it
    <b>back</b> within 30&nbsp;days<sup class="reference">[1]</sup>.</p>
    <h2>Steps</h2><ol><li>Pack</li><li>Ship<ul><li>by post</li></ul></li></ol>
    <table><tr><th>Size</th><th>Fee</th></tr><tr><td rowspan=2>S</td><td>1</td></tr><tr><td>2</td></tr></table>
    <pre>$ ship  --now
  ok</pre><p>Use <code>ship</code>.<br>Next line.</p><p style="display:none">secret</p></main>
    <footer>© Shop</footer><script>evil()</script></body></html>"""
    document = read("returns.html", page)
    assert document.title == "Returns"
    assert document.text == (
        "Returns\n\nSend it back within 30 days.\n\nSteps\n\n1. Pack\n2. Ship\n  - by post\n\n"
        "Size | Fee\nS | 1\nS | 2\n\n"
        "$ ship  --now\n  ok\n\nUse `ship`.\nNext line."
    )
    assert [h.level for h in document.headings] == [1, 2]


def test_deep_nesting_is_read_not_recursed() -> None:
    assert read("deep.html", "<div>" * 20_000 + "<p>bottom line</p>" + "</div>" * 20_000).text == "bottom line"


def test_csv_delimiters_and_ragged_rows() -> None:
    assert read("a.csv", "a;b;c\n1,5;2;3\n4;5\n").text == "a | b | c\n1,5 | 2 | 3\n4 | 5 |"
    assert read("a.tsv", "a\tb\n1\t2\n").text == "a | b\n1 | 2"
    quoted = io.StringIO()
    csv.writer(quoted).writerows([["x", "y"], ["one\nline", 'say "hi", ok']])
    assert read("a.csv", quoted.getvalue()).text == 'x | y\none line | say "hi", ok'


def test_json_records_are_blocks() -> None:
    document = read("faq.jsonl", '{"q": "Why?", "a": {"text": "Because.", "tags": ["x", "y"]}}\n{"q": "How?"}\n')
    assert document.text == "q: Why?\na.text: Because.\na.tags: x, y\n\nq: How?"
    assert len(document.blocks) == 2
    assert "name: Ada" in read("p.json", json.dumps({"people": [{"name": "Ada"}]})).text
    with pytest.raises(DocumentError, match="line 2"):
        read("bad.jsonl", '{"a": 1}\n{"a": \n')
    assert read("deep.json", "[" * 900 + '"in"' + "]" * 900).text.endswith("in")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8-sig", "Straße"),
        ("utf-16", "Grüße aus Köln"),
        ("utf-16-be", "Plain words here"),
        ("cp1252", "Müller fährt über die Straße – “schnell”"),
        ("cp932", "これは日本語の文章です。東京都に住んでいます。"),
        ("gb18030", "这是一个中文文档,我们在北京工作。"),
        ("cp949", "이것은 한국어 문서입니다. 서울에 살고 있습니다."),
        ("cp1251", "Привет, как дела? Это документ."),
        ("koi8_r", "Привет, как дела? Это документ."),
        ("cp1253", "Αυτό είναι ένα ελληνικό κείμενο."),
        ("cp1255", "שלום עולם, זה מסמך בעברית."),
        ("cp1256", "مرحبا بالعالم هذا مستند باللغة العربية"),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy."),
        ("cp1254", "Şişli'de güneşli bir gün, İstanbul ağaçlar"),
    ],
)
def test_encodings_are_detected(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding))[0].removeprefix("\ufeff") == text


def test_declared_charset_is_honoured() -> None:
    page = '<html><head><meta charset="windows-1251"></head><body><p>Привет мир, это страница</p></body></html>'
    assert read("a.html", page.encode("cp1251")).text == "Привет мир, это страница"


def test_invisible_characters_go_and_joiners_that_matter_stay() -> None:
    assert clean("a\u200bb\u202ec\u00add\ufeffe\0f\r\ng\u0085h\u2028i") == "abcdef\ng\nh\ni"
    assert clean("می\u200cخواهم") == "می\u200cخواهم"
    assert clean("ig\u200dnore \U000e0041\U000e0042me") == "ignore me"
    assert pretty_stem("x/leave_policy-2024.md") == "Leave policy 2024"


def docx_bytes() -> bytes:
    import docx

    document = docx.Document()
    document.core_properties.title = ""
    document.add_heading("Handbook", 0)
    document.add_heading("Leave", 2)
    document.add_paragraph("Staff get twenty days of leave.")
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("second", style="List Bullet")
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ["Grade", "Days", "A", "20"], strict=True):
        cell.text = text
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_docx_headings_lists_tables() -> None:
    document = read("h.docx", docx_bytes())
    assert document.text == (
        "Handbook\n\nLeave\n\nStaff get twenty days of leave.\n\n- first\n- second\n\nGrade | Days\nA | 20"
    )
    assert [(h.text, h.level) for h in document.headings] == [("Handbook", 1), ("Leave", 2)]
    assert document.title == "Handbook"


def test_pptx_slides_are_pages() -> None:
    import pptx

    deck = pptx.Presentation()
    for title, body in (("Plan", "Buy milk today"), ("Result", "Milk was bought")):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, body
    out = io.BytesIO()
    deck.save(out)
    document = read("d.pptx", out.getvalue())
    assert [p.number for p in document.pages] == [1, 2]
    assert document.page_at(document.text.index("bought")) == 2
    assert [h.text for h in document.headings] == ["Plan", "Result"]


def test_xlsx_sheets_are_pages_and_cells_look_as_shown() -> None:
    import datetime

    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "Prices"
    book.active.append(["Item", "Price", "Share", "Day"])
    book.active.append(["Pen", 5.0, 0.25, datetime.datetime(2024, 5, 1)])
    book.active["C2"].number_format = "0%"
    book.create_sheet("Other").append(["only"])
    book.create_sheet("Hidden").append(["no"])
    book["Hidden"].sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    document = read("p.xlsx", out.getvalue())
    assert document.text == "Prices\n\nItem | Price | Share | Day\nPen | 5 | 25% | 2024-05-01\n\nOther\n\nonly"
    assert [p.number for p in document.pages] == [1, 2]


def epub_bytes() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as box:
        box.writestr("mimetype", "application/epub+zip")
        box.writestr(
            "META-INF/container.xml", '<container><rootfiles><rootfile full-path="O/p.opf"/></rootfiles></container>'
        )
        box.writestr(
            "O/p.opf",
            '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Tales</dc:title></metadata><manifest>'
            '<item id="b" href="b.xhtml" media-type="application/xhtml+xml"/><item id="a" href="a.xhtml" '
            'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/>'
            '<itemref idref="b"/></spine></package>',
        )
        box.writestr(
            "O/a.xhtml",
            '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>'
            "<html><body><h1>One</h1><p>First tale.</p></body></html>",
        )
        box.writestr("O/b.xhtml", "<html><body><h1>Two</h1><p>Second tale.</p></body></html>")
    return out.getvalue()


def test_epub_follows_the_spine() -> None:
    document = read("t.epub", epub_bytes())
    assert document.text == "One\n\nFirst tale.\n\nTwo\n\nSecond tale."
    assert document.title == "Tales"


def test_rst_and_rtf_through_pandoc() -> None:
    source = "Title\n=====\n\nUse ``x`` and :pep:`8`.\n\n.. code-block:: python\n\n   a  =  1\n\n* one\n* two\n"
    document = read("a.rst", source)
    assert document.text == "Title\n\nUse `x` and PEP 8.\n\na  =  1\n\n- one\n- two"
    assert kinds(document) == ["heading", "paragraph", "code", "list"]
    assert read("a.rtf", rb"{\rtf1\ansi Caf\'e9 is open.\par Come in.\par}").text == "Café is open.\n\nCome in."


def pdf_bytes(**options: object) -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    page = Canvas(out, pagesize=A4, **options)
    left = [f"Left line {n} speaks of pumps and more" for n in range(1, 12)]
    left[3] = "Left line 4 ends within an unbro-"
    left[4] = "ken word and then it goes on."
    for number in (1, 2):
        page.setFont("Helvetica", 8)
        page.drawString(60, 815, f"Pump manual, revision 7, page {number}")
        page.drawCentredString(300, 20, str(number))
        page.setFont("Helvetica-Bold", 18)
        page.drawString(60, 770, f"Part {'AB'[number - 1]} of the manual")
        page.setFont("Helvetica", 10)
        for row, text in enumerate(left):
            page.drawString(60, 740 - 12 * row, text)
            page.drawString(320, 740 - 12 * row, f"Right row {row + 1} is about the valves of it")
        for row, cells in enumerate([("Part", "Qty", "Price"), ("Bolt", "4", "0.10"), ("Nut", "8", "0.05")]):
            for column, cell in enumerate(cells):
                page.drawString(60 + 150 * column, 500 - 14 * row, cell)
        page.showPage()
    page.save()
    return out.getvalue()


def test_pdf_columns_headings_tables_hyphens_and_running_lines() -> None:
    document = read("m.pdf", pdf_bytes())
    text = document.text
    assert "an unbroken word and then it goes on." in text
    assert text.index("Left line 11") < text.index("Right row 1 ")
    assert "Part | Qty | Price\nBolt | 4 | 0.10\nNut | 8 | 0.05" in text
    assert "revision 7" not in text
    assert [(h.text, h.level) for h in document.headings] == [("Part A of the manual", 1), ("Part B of the manual", 1)]
    assert [p.number for p in document.pages] == [1, 2]
    assert document.page_at(text.index("Part B")) == 2


def test_what_a_file_is_decides_not_its_name() -> None:
    assert read("x.txt", pdf_bytes()).mime == "application/pdf"
    assert read("x.txt", "<!DOCTYPE html><html><body><p>Hello you there</p></body></html>").text == "Hello you there"
    assert read("x.pdf", docx_bytes()).title == "Handbook"


def test_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello")
    assert hash_file(str(path), 100) == source_hash(b"hello") == read("a.txt", b"hello").source_hash
    assert source_hash(b"hello") != source_hash(b"hello!")
    assert len(parser_fingerprint()) == 20


def test_the_tagger_that_replaces_the_download_is_in_place() -> None:
    from ragset.adapters.partition import offline_tagger, warm

    warm()
    from unstructured.nlp import tokenize

    assert tokenize._get_nlp is offline_tagger
    assert ("runs", "NN") not in tokenize.pos_tag("It is running.")
    assert [tag for _, tag in tokenize.pos_tag("It is running.")][1:3] == ["VB", "VB"]
    assert tokenize.sent_tokenize("One is here. Two is there.") == ["One is here.", "Two is there."]
