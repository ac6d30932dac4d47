"""Container formats: zip guards, XLSX, EPUB, and what pandoc reads in its sandbox (ODT, RTF, RST)."""

from __future__ import annotations

import io
import re
import subprocess
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from ragset.adapters.reading_build import Parsed, Part, one_line, table_text
from ragset.adapters.reading_html import html_parts
from ragset.adapters.text_formats import decode
from ragset.errors import DocumentError

MAX_ENTRIES = 10_000
MAX_UNZIPPED = 300_000_000
MAX_UNZIPPED_XML = 80_000_000
MAX_ZIP_RATIO = 100
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MIMES = {"odt": "application/vnd.oasis.opendocument.text", "rtf": "application/rtf", "rst": "text/x-rst"}


OFFICE_PARTS = frozenset({"word/document.xml", "ppt/presentation.xml", "xl/workbook.xml"})
"""What makes a container an office file, whatever else it holds."""


def open_zip(data: bytes) -> zipfile.ZipFile:
    """Open a container whose entries are few, small enough and free of entity declarations."""
    try:
        box = zipfile.ZipFile(io.BytesIO(data))
        entries = box.infolist()
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, EOFError):
        raise DocumentError("is a damaged or truncated container (zip)", hint="open and save it again") from None
    names = {entry.filename for entry in entries}
    office = bool(names & OFFICE_PARTS)
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or total > MAX_UNZIPPED:
        raise DocumentError(f"unpacks to {len(entries):,} entries and {total:,} bytes", hint="leave the file out")
    if total > 10_000_000 and total > MAX_ZIP_RATIO * len(data):
        raise DocumentError(f"{len(data):,} bytes unpack to {total:,}, as a zip bomb does", hint="leave the file out")
    for entry in entries:
        if entry.flag_bits & 1:
            raise DocumentError("is encrypted (zip password)", hint="save a copy without the password")
        # The chapters of a book are read as HTML, which knows no entity declarations; office parts never need any.
        if entry.filename.lower().endswith((".xml", ".rels")) and (office or "META-INF/container.xml" not in names):
            _check_xml(box, entry)
    return box


def _check_xml(box: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.file_size > MAX_UNZIPPED_XML:
        raise DocumentError(f"holds {entry.file_size:,} bytes of XML in {entry.filename}", hint="split the file")
    head = read_entry(box, entry.filename)
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head[:40]
    text = head.decode("utf-16", "replace") if wide else head.decode("latin-1")
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        raise DocumentError(f"declares XML entities in {entry.filename}, as attacks do", hint="leave the file out")


def read_entry(box: zipfile.ZipFile, name: str) -> bytes:
    """Read one entry; raises ``DocumentError`` when it is missing or damaged."""
    import zlib

    try:
        return box.read(name)
    except KeyError:
        raise DocumentError(f"lacks the part {name}", hint="open and save it again") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise DocumentError(f"is damaged: {name} cannot be unpacked", hint="open and save it again") from None


def read_xlsx(data: bytes) -> Parsed:
    """Read the visible sheets: each is a page; cells as they are shown, an empty row ends a table."""
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = [s for s in book.worksheets if s.sheet_state == "visible"]
        parts: list[Part] = []
        for number, sheet in enumerate(sheets, 1):
            tables = [Part("table", text, page=number) for text in _sheet_tables(sheet)]
            named = len(sheets) > 1 or not re.fullmatch(r"(?:sheet|tabelle|feuil|hoja)\s*1", sheet.title, re.I)
            if tables and named:
                parts.append(Part("heading", sheet.title, level=2, page=number))
            parts.extend(tables)
        title = one_line(book.properties.title or "") or None
        book.close()
    return Parsed(parts, _XLSX, title=title)


def _sheet_tables(sheet: Any) -> Iterator[str]:
    # The stored dimensions may claim a million rows or none.
    sheet.reset_dimensions()
    rows: list[list[str]] = []
    for row in sheet.iter_rows():
        cells = [_cell(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            rows.append(cells)
        elif rows:
            yield table_text(rows)
            rows = []
    if rows:
        yield table_text(rows)


def _cell(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time(0) else value.replace(microsecond=0))
    if isinstance(value, date | time):
        return str(value)
    if isinstance(value, int | float):
        shown = value * 100 if "%" in (cell.number_format or "") else value
        return f"{shown:.15g}" + ("%" if shown is not value and "%" in (cell.number_format or "") else "")
    return str(value)


def read_epub(data: bytes) -> Parsed:
    """Read a book's chapters in the order of its spine."""
    box = open_zip(data)
    container = _xml(read_entry(box, "META-INF/container.xml"))
    package = next((e.get("full-path") for e in container.iter("{*}rootfile") if e.get("full-path")), None)
    if not package:
        raise DocumentError("names no package in its container.xml", hint="convert it again")
    opf = _xml(read_entry(box, package))
    items = {e.get("id"): e for e in opf.iter("{*}item")}
    folder = PurePosixPath(package).parent
    parts: list[Part] = []
    names = set(box.namelist())
    for ref in opf.iter("{*}itemref"):
        item = items.get(ref.get("idref"))
        if item is None or "nav" in (item.get("properties") or "").split():
            continue
        name = str(folder / unquote((item.get("href") or "").split("#")[0]))
        if name in names and re.search("html|xml", item.get("media-type") or "html"):
            parts.extend(html_parts(decode(read_entry(box, name))[0]))
    title = next((e.text for e in opf.iter("{*}title") if e.text), None)
    return Parsed(parts, "application/epub+zip", title=title, metadata={"title_is_certain": bool(title)})


def _xml(data: bytes) -> Any:
    etree: Any = import_module("lxml.etree")

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False)
    root = etree.fromstring(data, parser)
    if root is None:
        raise DocumentError("has a part that is no XML", hint="convert it again")
    return root


def read_with_pandoc(data: bytes, kind: str) -> Parsed:
    """Convert ODT, RTF or RST to HTML with pandoc's ``--sandbox`` (no other file, no network) and read that."""
    title = None
    if kind == "odt":
        open_zip(data)
    if kind == "rst":
        text, title = _rst_header(decode(data)[0])
        data = text.encode("utf-8", "replace")
    html = _pandoc(data, kind)
    if found := re.search(r"<h1[^>]*class=\"title\"[^>]*>(.*?)</h1>", html, re.S):
        title = title or one_line(re.sub("<[^>]+>", "", found[1]))
    metadata = {"title_is_certain": True} if kind == "rst" and title else {}
    return Parsed(html_parts(_plain_roles(html)), _MIMES[kind], title=title, metadata=metadata)


PANDOC_S = 50
"""Seconds after which a conversion is given up: less than a whole parse may take, so that none is left behind."""


def _pandoc(data: bytes, kind: str) -> str:
    import pypandoc

    command = [pypandoc.get_pandoc_path(), "--sandbox", "-f", kind, "-t", "html", "--wrap=none", "--no-highlight"]
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=PANDOC_S)  # noqa: S603  fixed arguments
    except subprocess.TimeoutExpired:
        raise DocumentError(f"took longer than {PANDOC_S} s to convert", hint="split the file") from None
    if done.returncode != 0:
        said = one_line(done.stderr.decode("utf-8", "replace"))[:120] or f"exit code {done.returncode}"
        raise DocumentError(f"cannot be read as {kind} ({said})", hint="save it again, or as another format")
    return done.stdout.decode("utf-8", "replace")


def _rst_header(text: str) -> tuple[str, str | None]:
    """Take mail-style header lines (``PEP: 8``, ``Title: …``) off the top; they give the title and a list."""
    match = re.match(r"(?:[A-Z][\w-]*:[^\n]*\n(?:[ \t]+[^\n]*\n)*){2,}(?=\s*\n)", text.lstrip("\ufeff"))
    if not match:
        return text, None
    fields = dict(re.findall(r"^([A-Z][\w-]*):[ \t]*([^\n]*(?:\n[ \t]+[^\n]*)*)", match[0], re.M))
    body = "\n".join(f"- {name}: {one_line(value)}" for name, value in fields.items() if one_line(value))
    title = one_line(fields.get("Title", "")) or None
    if title and fields.get("PEP"):
        title = f"PEP {fields['PEP']}: {title}"
    return f"{body}\n\n{text.lstrip(chr(0xFEFF))[match.end() :]}", title


def _plain_roles(html: str) -> str:
    """Turn roles pandoc does not know (``:pep:`8```, ``:func:`~os.walk```) into what a reader would see."""

    def plain(match: re.Match[str]) -> str:
        role, text = match[1], one_line(match[2])
        shown = re.sub(r"\s*&lt;.*?&gt;$", "", text)
        if role in ("pep", "rfc"):
            return shown if shown != text else f"{role.upper()} {shown}"
        if role in ("doc", "ref", "term", "abbr", "numref", "guilabel", "menuselection", "dfn", "any"):
            return shown
        return f"<code>{shown.removeprefix('~').removeprefix('!')}</code>"

    return re.sub(r'<code class="interpreted-text"\s+role="([\w:-]+)">(.*?)</code>', plain, html, flags=re.S)
