"""Bytes to a canonical document: what the file really is decides, then its reader, then the checks on the result."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import PurePosixPath

from ragset.adapters.reading_build import Canon, Parsed, best_title, check_ratio, one_line
from ragset.errors import DocumentError
from ragset.schema.documents import Document, SourceFile
from ragset.schema.ids import digest

PARSER_VERSION = "1"
_LIBRARIES = ("unstructured", "lxml", "pypdfium2", "pdfminer.six", "markdown-it-py", "charset-normalizer", "openpyxl",
              "python-docx", "python-pptx", "pypandoc_binary")  # fmt: skip
KINDS = {
    ".md": "md", ".markdown": "md", ".rst": "rst", ".txt": "txt", ".text": "txt", ".html": "html", ".htm": "html",
    ".xhtml": "html", ".pdf": "pdf", ".docx": "docx", ".pptx": "pptx", ".xlsx": "xlsx", ".csv": "csv", ".tsv": "tsv",
    ".epub": "epub", ".odt": "odt", ".rtf": "rtf", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip
SUPPORTED = "md, rst, txt, html, pdf, docx, pptx, xlsx, csv, tsv, epub, odt, rtf, json, jsonl"
_TEXT_KINDS = frozenset({"md", "rst", "txt", "html", "csv", "tsv", "json", "jsonl"})
_ZIP_KINDS = frozenset({"docx", "pptx", "xlsx", "epub", "odt"})


@cache
def parser_fingerprint() -> str:
    """Hash of our parser's version and those of the libraries behind it; imports none of them."""
    versions: list[tuple[str, str]] = []
    for name in _LIBRARIES:
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            versions.append((name, ""))
    return digest("parser", PARSER_VERSION, versions)


def source_hash(data: bytes) -> str:
    """Hash (bytes, parser fingerprint): a sync skips a file whose hash is known."""
    return digest("source", hashlib.sha256(data).hexdigest(), parser_fingerprint())


def hash_file(path: str, max_bytes: int) -> str:
    """Give ``source_hash`` of a file without holding it; raises ``DocumentError`` when it cannot be opened."""
    whole = hashlib.sha256()
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
                return ""
            while block := stream.read(1 << 20):
                whole.update(block)
    except OSError as error:
        raise DocumentError(f"cannot be opened ({error.strerror})", hint="check the file and its permissions") from None
    return digest("source", whole.hexdigest(), parser_fingerprint())


def supported(path: str) -> bool:
    """Tell whether the suffix names a format that can be read."""
    return PurePosixPath(path).suffix.lower() in KINDS


def read_document(file: SourceFile, data: bytes, max_chars: int) -> Document:
    """Parse one file in this process; raises ``DocumentError``. Callers outside tests go through ``ParsePool``."""
    if not data.strip(b"\0 \t\r\n\x0b\x0c\xef\xbb\xbf"):
        raise DocumentError("is empty", hint="fill it or remove it")
    kind = real_kind(data, KINDS.get(PurePosixPath(file.path).suffix.lower(), ""))
    parsed = _parsed(kind, data)
    check_ratio(sum(len(part.text) for part in parsed.parts), len(data))
    canon = Canon(max_chars)
    for part in parsed.parts:
        canon.add(part)
    if not any(unicodedata.category(c)[0] in "LN" for c in canon.text):
        raise DocumentError("holds no text", hint="fill it or remove it")
    title = best_title(parsed, canon, file.path)
    return Document(
        id=file.document_id,
        corpus=file.corpus,
        path=file.path,
        title=title,
        mime=parsed.mime,
        text=canon.text,
        source_hash=source_hash(data),
        headings=tuple(canon.headings),
        pages=tuple(canon.pages),
        blocks=tuple(canon.blocks),
        metadata=parsed.metadata,
    )


def _parsed(kind: str, data: bytes) -> Parsed:
    """Run the reader; whatever a library raises on a damaged file becomes one line."""
    try:
        return _reader(kind)(data)
    except (DocumentError, MemoryError):
        raise
    except RecursionError:
        raise DocumentError("is nested too deeply to be read", hint="simplify it, or save it again") from None
    except Exception as error:  # parsers raise almost anything on damaged files
        said = one_line(f"{type(error).__name__}: {error}")[:120]
        raise DocumentError(f"is damaged or not a valid {kind} file ({said})", hint="open and save it again") from None


def _reader(kind: str) -> Callable[[bytes], Parsed]:
    """Import the reader of one format only, so that a folder of text files stays fast."""
    if kind in ("odt", "rtf", "rst", "xlsx", "epub"):
        from ragset.adapters import reading_office as office

        if kind in ("xlsx", "epub"):
            return office.read_xlsx if kind == "xlsx" else office.read_epub
        return lambda data: office.read_with_pandoc(data, kind)
    if kind in ("docx", "pptx"):
        from ragset.adapters import partition

        return partition.read_docx if kind == "docx" else partition.read_pptx
    if kind == "pdf":
        from ragset.adapters.pdf import read_pdf

        return read_pdf
    if kind == "html":
        from ragset.adapters.reading_html import read_html

        return read_html
    if kind == "md":
        from ragset.adapters.reading_markdown import read_md

        return read_md
    from ragset.adapters import text_formats as text

    if kind in ("csv", "tsv"):
        return lambda data: text.read_csv(data, f".{kind}")
    return text.read_txt if kind == "txt" else lambda data: text.read_json(data, lines=kind == "jsonl")


def real_kind(data: bytes, claimed: str) -> str:
    """Decide by content what a file is; raises ``DocumentError`` when it is nothing that can be read."""
    head = data[:1024]
    if b"%PDF-" in head or (claimed == "pdf" and (b"%PDF-" in data[:8192] or b" obj" in head)):
        return "pdf"
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _zip_kind(data)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise _ole(data)
    if head.lstrip().startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"BM")):
        raise DocumentError("is an image", hint="run OCR on it first")
    if head.startswith((b"\x7fELF", b"MZ\x90", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh")):
        raise DocumentError("is a program or an archive, not a document", hint="unpack it or leave it out")
    if claimed in _ZIP_KINDS:
        raise DocumentError(f"is not a {claimed} file: it is no zip container", hint="give it its real suffix")
    if claimed in ("txt", "rtf", "") and re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html[\s>])", head, re.I):
        return "html"
    if claimed in _TEXT_KINDS:
        return claimed
    if claimed == "pdf":
        raise DocumentError("is not a PDF: it has no %PDF header", hint="give it its real suffix, or export it again")
    raise DocumentError(f"is not a {claimed or 'known'} file", hint=f"supported: {SUPPORTED}")


def _zip_kind(data: bytes) -> str:
    from ragset.adapters.reading_office import open_zip, read_entry

    with open_zip(data) as box:
        names = set(box.namelist())
        for kind, part in (
            ("docx", "word/document.xml"),
            ("pptx", "ppt/presentation.xml"),
            ("xlsx", "xl/workbook.xml"),
        ):
            if part in names:
                return kind
        mime = read_entry(box, "mimetype")[:100] if "mimetype" in names else b""
        if b"epub" in mime or "META-INF/container.xml" in names:
            return "epub"
        if b"opendocument.text" in mime or (not mime and "content.xml" in names):
            return "odt"
        if any(name.startswith("word/") for name in names):
            return "docx"
    raise DocumentError("is an archive, not a document", hint="unpack it and give the folder")


def _ole(data: bytes) -> DocumentError:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return DocumentError("is encrypted: it needs a password to open", hint="save a copy without the password")
    return DocumentError("is an old binary Office file", hint="save it as docx, pptx or xlsx")
