"""Broken, odd and malicious files end parsed or refused, with one line and in bounded time."""

from __future__ import annotations

import asyncio
import base64
import io
import zipfile
from pathlib import Path

import pytest

from ragset.errors import DocumentError
from ragset.schema.samples import Intake
from ragset.schema.step import Tools
from ragset.sources.files import Files
from ragset.sources.read import Read
from test_reading import docx_bytes, epub_bytes, pdf_bytes, read

SHARED = Path(__file__).parents[2] / "shared" / "data" / "hostile"


def rezipped(data: bytes, **changes: bytes) -> bytes:
    """Replace or add entries of a zip container; ``__`` in a name stands for ``/``, ``_xml`` for ``.xml``."""
    out = io.BytesIO()
    named = {name.replace("__", "/").replace("_xml", ".xml"): content for name, content in changes.items()}
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in named:
                new.writestr(name, old.read(name))
        for name, content in named.items():
            new.writestr(name, content)
    return out.getvalue()


def test_entities_and_bombs_in_containers_are_refused() -> None:
    with zipfile.ZipFile(io.BytesIO(docx_bytes())) as box:
        body = box.read("word/document.xml")
    evil = body.replace(b"?>", b'?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>', 1).replace(
        b"twenty", b"&x;"
    )
    with pytest.raises(DocumentError, match="XML entities"):
        read("x.docx", rezipped(docx_bytes(), word__document_xml=evil))
    with pytest.raises(DocumentError, match="XML entities"):  # a part of a book does not switch the check off
        read("x.docx", rezipped(docx_bytes(), **{"META-INF__container_xml": b"<c/>", "word__document_xml": evil}))
    with pytest.raises(DocumentError, match="bomb"):
        read("b.docx", rezipped(docx_bytes(), word__media__a=b"\0" * 60_000_000))
    with pytest.raises(DocumentError, match="damaged"):
        read("t.docx", docx_bytes()[:900])
    with pytest.raises(DocumentError, match="no zip container"):
        read("t.odt", b"This is not a zip file!")
    chapter = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><html><body><p>Now &e; then</p></body></html>'
    assert "root:" not in read("e.epub", rezipped(epub_bytes(), **{"O__a.xhtml": chapter})).text


def test_rst_includes_and_raw_files_are_not_read() -> None:
    source = (
        "Head\n====\n\nBody text.\n\n.. include:: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n\n"
        ".. csv-table::\n   :file: /etc/passwd\n"
    )
    try:
        text = read("a.rst", source).text
    except DocumentError as error:
        text = str(error)
    assert "root:" not in text


def test_much_text_from_few_bytes_is_refused() -> None:
    chapter = ("<html><body>" + ("<p>" + "word " * 200 + "</p>") * 1500 + "</body></html>").encode()
    with pytest.raises(DocumentError, match="bomb"):
        read("e.epub", rezipped(epub_bytes(), **{"O__a.xhtml": chapter}), max_chars=10_000_000)


def test_encrypted_scanned_empty_and_misnamed() -> None:
    from reportlab.lib.pdfencrypt import StandardEncryption

    locked = pdf_bytes(encrypt=StandardEncryption("open me", canPrint=0))
    with pytest.raises(DocumentError, match="encrypted: it needs a password"):
        read("l.pdf", locked)
    owned = pdf_bytes(encrypt=StandardEncryption("", ownerPassword="owner", canCopy=0))
    assert "Left line 1" in read("o.pdf", owned).text
    for name, data, reason in (
        ("r.pdf", bytes(range(256)) * 4, "no %PDF header"),
        ("e.txt", b" \r\n\0", "is empty"),
        ("b.txt", bytes(range(256)) * 8, "binary"),
        ("i.txt", b"\x89PNG\r\n\x1a\n" + b"x" * 99, "is an image"),
        ("z.docx", b"PK\x05\x06" + b"\0" * 18, "archive"),
    ):
        with pytest.raises(DocumentError, match=reason):
            read(name, data)


RIGHT_TEXT = {
    "fake-text-utf-16-be.txt": ["This is a test document to use for unit tests.", "- Hamburgers are delicious"],
    "example-steelJIS-datasheet-utf-16.html": ["SNB22-3 Chemical composition", "C | Si | Mn | P | S | Cr | Mo", "成分"],
    "umlauts-non-utf8.md": ["können\n\nkönnen\n\näöüß"],
    "csv-with-escaped-commas.csv": ["A | A | A | A,A | A"],
    "semicolon-delimited.csv": ["Lorem, ipsum | dolor sit | amet\nconsectetur | adipiscing | elit"],
    "stanley-cups-utf-16.csv": ["Team | Location | Stanley Cups\nBlues | STL | 1"],
    "test_mskanji.csv": ["名前 | 年齢 | 住所\n佐藤太郎 | 30 | 東京\n三木英子 | 25 | 大阪\n髙橋淳 | 35 | 名古屋"],
    "UDHR_first_article_all.txt": ["All human beings are born free", "Όλοι οι άνθρωποι", "すべての人間は"],
    "multi-language.txt": ["não contabilize"],
    "duplicate-paragraphs.docx": ["\n\n".join(["some text"] * 6)],
    "tables-with-incomplete-rows.docx": ["a | b\nc | d", "a |  |\nb | c | d"],
    "testWORD_null_style.docx": ["Test av styrt dokument"],
    "NullHeader.docx": ["Hundreds injured in Yemen protest"],
    "testOptionalHyphen.docx": ["optionalhyphen"],
    "testAttachedTemplate.docx": ["Document with external attached template"],
    "made_null_bytes.txt": ["Helloworld. The limit is 5 MB."],
    "made_deep_nesting.html": ["deep"],
    "made_bom_crlf.txt": ["Line one.\nLine two.\n\nLine three.\nEnd"],
    "made_zero_width_bidi.txt": ["password softhyphen"],
    "made_lone_surrogates.txt": ["ok ", " end"],
    "made_prompt_injection.md": ["Refunds take 14 days."],
    "wrong_ext_pdf_as.txt": ["Hello World"],
    "90ms_rksj_h_sample.pdf": ["Hello ASCII\n\n日本語テスト"],
    "issue-449-vertical.pdf": ["Vertical", "Layout"],
    "issue-625-identity-cmap.pdf": ["Faktura nr FV 1/2021", "Data sprzedaży: 2021-04-26"],
    "issue-791-non-unicode-cmap.pdf": ["Peněžní prostředky na účtech"],
    "right_to_left_01.pdf": ["تحسين الإنتاجية وحل المشكلات من خلال البرمجة"],
    "multicolumn.pdf": ["mauris. Nam arcu libero, nonummy eget, consectetuer id, vulputate a, magna. Donec vehicula"],
    "pdf-bad-color-space.pdf": ["2023 Environmental Report"],
    "testPDF_incrementalUpdates.pdf": ["Testing Incremental"],
    "testOverlappingText.pdf": ["Text the first time", "Text the second time"],
    "zen_of_python_corrupted.pdf": ["Beautiful is better than ugly.\n\nExplicit is better than implicit."],
    "with-attachment.pdf": ["sed diam nonumy eirmod tempor invidunt ut labore"],
    "bug1606566.pdf": ["Bug 1606566"],
    "boundingBox_invalid.pdf": ["Empty /MediaBox"],
    "govdocs1_160721.pdf": ["Computer-Assisted Cognitive Remediation for Schizophrenia"],
    "testEPUB_xml_ext.epub": ["It was a bright cold day in April"],
    "testRTFInvalidUnicode.rtf": ["Unpaired hi"],
    "testBrokenHTMLContainingRFC822.html": ["A whole bunch of text."],
    "testHTML_embedded_data_uri_js.html": ["some content"],
    "more-than-1k-cells.xlsx": ["x | x | x"],
}
REFUSED = {
    "fake-text-all-whitespace.txt": "is empty",
    "empty.xlsx": "holds no text",
    "password.pdf": "password",
    "libreoffice-writer-password.pdf": "password",
    "testWORD_protected_passtika.docx": "password",
    "testWORD_truncated.docx": "truncated",
    "testODTnotaZipFile.odt": "no zip container",
    "scan_no_text_layer.pdf": "OCR",
    "random_bytes.pdf": "no %PDF header",
    "bug1250079.pdf": "not a readable PDF",
    "made_billion_laughs.xml": "not supported",
    "made_xxe.xml": "not supported",
    "made_zip_slip.zip": "not supported",
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Intake]:
    if not SHARED.is_dir():
        pytest.skip("shared/ is not here: the hostile files are not part of the repository")

    async def go() -> dict[str, Intake]:
        tools, step = Tools(), Read(timeout_s=60)
        met = [item async for item in Files(sources=(str(SHARED),)).draws(tools)]
        try:
            done = await asyncio.gather(*(step.apply(item, tools) for item in met))
        finally:
            tools.extras["parse_pool"].close()
        return {item.file.path: item for item in done}

    return asyncio.run(go())


@pytest.mark.xdist_group("hostile")
def test_every_hostile_file_is_accounted_for(outcomes: dict[str, Intake]) -> None:
    assert set(outcomes) == {p.name for p in SHARED.iterdir()} - {"MANIFEST.json"}
    for name, item in outcomes.items():
        assert (item.document is None) == (item.failure is not None), name
        if item.failure:
            assert "\n" not in item.failure.message
            assert "; " in item.failure.message, name
        else:
            assert not any(0xD800 <= ord(c) < 0xE000 or c == "\0" for c in item.document.text), name


@pytest.mark.xdist_group("hostile")
def test_encoding_and_layout_trouble_is_read_right(outcomes: dict[str, Intake]) -> None:
    for name, expected in RIGHT_TEXT.items():
        document = outcomes[name].document
        assert document is not None, (name, outcomes[name].failure)
        for piece in expected:
            assert piece in document.text, (name, piece, document.text[:300])
    assert "SYSTEM" not in outcomes["made_prompt_injection.md"].document.text
    assert len(outcomes["made_one_line_200k.md"].document.text) > 190_000


@pytest.mark.xdist_group("hostile")
def test_the_unreadable_ones_say_why(outcomes: dict[str, Intake]) -> None:
    for name, reason in REFUSED.items():
        failure = outcomes[name].failure
        assert failure is not None, name
        assert reason in failure.message, (name, failure.message)


def test_hebrew_code_page() -> None:
    if not SHARED.is_dir():
        pytest.skip("shared/ is not here: the hostile files are not part of the repository")
    data = base64.b64decode((SHARED / "hebrew-text-base64-iso88598i.txt").read_bytes())
    assert read("h.txt", data).text.startswith("עדכון Tesla - נדרשת חתימה")
