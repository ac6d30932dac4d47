"""Plain text formats: bytes to text by detected encoding; txt, csv and json to parts."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ragset.adapters.reading_build import Parsed, Part, clean, one_line, prose, table_text, unwrap
from ragset.errors import DocumentError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Browsers read these labels as the wider code page of the same family.
_ALIASES = {
    "iso-8859-8-i": "cp1255", "iso-8859-8-e": "cp1255", "iso-8859-8": "cp1255", "iso-8859-1": "cp1252",
    "latin-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252", "iso-8859-9": "cp1254",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932",
    "gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "tis-620": "cp874",
    "x-user-defined": "cp1252", "unicode": "utf-16", "utf8": "utf-8",
}  # fmt: skip
_GUESSES = ["cp1252", "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256",
            "cp1250", "iso8859_2", "cp1254", "iso8859_15", "cp874", "iso2022_jp"]  # fmt: skip
_NO_KANA = ("gb18030", "big5", "cp949")
_BULLET = re.compile(r"^(\s*)(?:([-*+•‣◦▪●·–—])|(\(?\d{1,3}[.)]))\s+(?=\S)")
_RULE = re.compile(r"^\s*([=\-~_*#])\1{2,}\s*$")


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """Give the text and the encoding it was read with; raises ``DocumentError`` for bytes that are no text."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data.decode(name, "replace"), name
    wide = _wide_without_bom(data)
    for name in filter(None, (wide, _known(declared), "utf-8")):
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    refuse_binary(data)
    if _nearly_utf8(data):
        return data.decode("utf-8", "replace"), "utf-8"
    return _guess(data)


def _known(label: str | None) -> str | None:
    if not label:
        return None
    label = label.strip().strip("\"'").lower()
    try:
        return codecs.lookup(_ALIASES.get(label, label)).name
    except LookupError:
        return None


def _wide_without_bom(data: bytes) -> str | None:
    """Recognise UTF-16 and UTF-32 by where their zero bytes lie."""
    head = data[:4000]
    if len(head) < 4 or b"\0" not in head:
        return None
    for name, at, width in (("utf-32-le", (1, 2, 3), 4), ("utf-32-be", (0, 1, 2), 4)):
        if len(data) % 4 == 0 and all(_zeros(head, i, width) > 0.6 for i in at[1:2]) and _zeros(head, at[0], 4) > 0.6:
            return name
    even, odd = _zeros(head, 0, 2), _zeros(head, 1, 2)
    if odd > 0.3 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 and odd < 0.05 else None


def _zeros(data: bytes, first: int, step: int) -> float:
    part = data[first::step]
    return part.count(0) / max(1, len(part))


def _nearly_utf8(data: bytes) -> bool:
    """Tell damaged UTF-8 from a legacy code page: valid sequences outnumber bad bytes, or are encoded surrogates."""
    bad = len(re.findall("[\udc80-\udcff]", data.decode("utf-8", "surrogateescape")))
    high = sum(byte > 127 for byte in data)
    surrogates = 3 * len(re.findall(rb"\xed[\xa0-\xbf][\x80-\xbf]", data)) + len(
        re.findall(rb"\xed\xa0(?![\x80-\xbf])", data)
    )
    return bad <= (high - bad) / 2 or surrogates >= bad / 2


def refuse_binary(data: bytes) -> None:
    """Refuse bytes with many control characters: no encoding makes them text."""
    head = data[:20_000]
    control = sum(head.count(byte) for byte in (*range(1, 8), *range(14, 27), *range(28, 32)))
    if control > 0.02 * len(head) + 1 or head.count(0) > 0.3 * len(head):
        raise DocumentError("is binary data, not text", hint="give the file the suffix of its real format")


def _guess(data: bytes) -> tuple[str, str]:
    """Guess a legacy encoding: charset-normalizer's survivors ranked by how natural their letters look."""
    from charset_normalizer import from_bytes

    found = {match.encoding for match in from_bytes(data[:200_000], enable_fallback=False)}
    ranked: list[tuple[float, str]] = []
    for name in _GUESSES:
        try:
            text = data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        kana = 0.5 if name in _NO_KANA and re.search("[\u3041-\u30ff]", text) else 0.0
        ranked.append((_naturalness(text) + (0.05 if name in found else 0.0) - kana, name))
    if not ranked:
        return data.decode("cp1252", "replace"), "cp1252"
    best = max(score for score, _ in ranked)
    name = next(name for score, name in ranked if score >= best - 1e-9)
    return data.decode(name), name


_SCRIPTS = (
    ("latin", re.compile("[\u00c0-\u017f]")),
    ("kana", re.compile("[\u3041-\u30ff]")),
    ("han", re.compile("[\u4e00-\u9fff]")),
    ("hangul", re.compile("[\uac00-\ud7a3]")),
    ("cyrillic", re.compile("[\u0410-\u044f\u0401\u0451]")),
    ("greek", re.compile("[\u0386-\u03ce]")),
    ("hebrew", re.compile("[\u05d0-\u05ea]")),
    ("arabic", re.compile("[\u0621-\u064a]")),
    ("thai", re.compile("[\u0e01-\u0e5b]")),
)
_ODD_INSIDE_WORD = re.compile(
    "[\u00a1\u00a4-\u00a6\u00ac-\u00af\u00b1\u00b4-\u00b6\u00b8\u00b9\u00bc-\u00be](?=[^\\W\\d_])|(?<=[^\\W\\d_])[\u00a1\u00a4-\u00a6\u00ac-\u00af\u00b1\u00b4-\u00b6\u00b8\u00b9\u00bc-\u00be]|(?<=[^\\W\\d_])[\u00a1-\u00bf\u00d7\u00f7\u2018-\u203a\u20ac\u2122](?=[^\\W\\d_])"
)
# Letter forms that only end a word.
_FINAL_INSIDE = re.compile("\u03c2(?=[\u03b1-\u03c9])|[\u05da\u05dd\u05df\u05e3\u05e5](?=[\u05d0-\u05ea])")
_CASE_FLIP = re.compile(
    "[a-z\u00df-\u00f6\u00f8-\u00ff\u0430-\u044f\u03ac-\u03ce][A-Z\u00c0-\u00d6\u00d8-\u00de\u0410-\u042f\u0391-\u03a9]"
)
_MIXED = re.compile("[A-Za-z](?=[\u0370-\u0e5b])|(?<=[\u0370-\u0e5b])[A-Za-z]")
_COMMON = re.compile(
    "[äöüßéèêàáíóúñçåøæãõşğıİřčšžěůąęłżźśćńőűœâôîûëïìòùÄÖÜÉ’“”–„…«»°§©®£€的一是不了在有人の年日本는은이가을다오еаинтрсвлאויהלםתαεοιτνσςκηάέίόاليمونرتهอานรก]"
)


def _naturalness(text: str) -> float:
    """Score a decoding between about -1 and 1: one script beside ASCII, letters that are common, few oddities."""
    odd = [c for c in text if ord(c) > 127]
    if not odd:
        return 0.0
    high = "".join(odd)
    counts = {name: len(pattern.findall(high)) for name, pattern in _SCRIPTS}
    east = counts["kana"] + counts["han"]
    main = max(*counts.values(), east)
    halfwidth = len(re.findall("[\uff61-\uff9f\u0080-\u009f\ue000-\uf8ff\ufffd]", high))
    oddities = (
        halfwidth
        + len(_MIXED.findall(text))
        + len(_ODD_INSIDE_WORD.findall(text))
        + len(_CASE_FLIP.findall(text))
        + len(_FINAL_INSIDE.findall(text))
    )
    if counts["latin"] == main:
        # Legacy multi-byte text read as Latin is a wall of accents; real Latin text has an accent among many letters.
        letters = sum(c.isascii() and c.isalpha() for c in text)
        oddities += max(0.0, counts["latin"] - letters / 2)
    return (main + 0.5 * len(_COMMON.findall(high)) - 2 * oddities) / len(odd)


def read_txt(data: bytes) -> Parsed:
    """Split plain text at blank lines into paragraphs, lists and underlined or capital headings."""
    text, encoding = decode(data)
    parts: list[Part] = []
    for chunk in re.split(r"\n[ \t\u00a0]*\n", clean(text)):
        parts.extend(_txt_parts([line for line in chunk.split("\n") if line.strip()]))
    return Parsed(parts, "text/plain", metadata={"encoding": encoding})


def _txt_parts(lines: list[str]) -> Iterator[Part]:
    if len(lines) >= 2 and _RULE.match(lines[1]) and len(lines[0]) <= 120:
        yield Part("heading", lines[0], level=1 if "=" in lines[1] else 2)
        lines = lines[2:]
    lines = [line for line in lines if not _RULE.match(line)]
    if not lines:
        return
    if len(lines) == 1 and _is_caps_heading(lines[0]):
        yield Part("heading", lines[0], level=2)
        return
    lead: list[str] = []
    items: list[list[str]] = []
    for line in lines:
        if _BULLET.match(line) and (items or len(lines) > 1):
            items.append([line])
        else:
            (items[-1] if items else lead).append(line)
    if len(items) == 1 and lead:
        lead, items = lines, []
    if lead:
        yield Part("paragraph", _join_wrapped(lead))
    for item in items:
        yield _item(item)


def _item(lines: list[str]) -> Part:
    match = _BULLET.match(lines[0])
    marker = f"{match[3]} " if match and match[3] else "- "
    level = 1 + min(3, len(match[1].expandtabs(4)) // 4) if match else 1
    body = [lines[0][match.end() :] if match else lines[0], *lines[1:]]
    return Part("list", unwrap(body), level=level, marker=marker)


def _is_caps_heading(line: str) -> bool:
    letters = [c for c in line if c.isalpha()]
    return 3 <= len(letters) <= 80 and line.isupper() and not line.rstrip().endswith((".", ",", ";", "!"))


def _join_wrapped(lines: list[str]) -> str:
    """Join hard-wrapped lines; lines of uneven length (verse, addresses) are kept apart."""
    lengths = [len(line.strip()) for line in lines[:-1]]
    if lengths and max(lengths) >= 45 and min(lengths) >= 0.6 * max(lengths):
        return unwrap(lines)
    return "\n".join(lines)


def read_csv(data: bytes, suffix: str = ".csv") -> Parsed:
    """Read delimited rows into one table; the delimiter is the one that makes rows of equal width."""
    text, encoding = decode(data)
    text = clean(text)
    csv.field_size_limit(max(131_072, len(text) + 1))
    delimiter = "\t" if suffix == ".tsv" and "\t" in text else _delimiter(text)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True))
    return Parsed(
        [Part("table", table_text(rows))], "text/csv", metadata={"encoding": encoding, "delimiter": delimiter}
    )


def _delimiter(text: str) -> str:
    sample = text[:100_000].splitlines(keepends=True)[:200]
    best, chosen = 0.0, ","
    for delimiter in ",;\t|":
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter, skipinitialspace=True) if row]
        if not widths:
            continue
        width, count = Counter(widths).most_common(1)[0]
        score = count / len(widths) if width > 1 else 0.0
        if score > best + 1e-9:
            best, chosen = score, delimiter
    return chosen


def read_json(data: bytes, lines: bool = False) -> Parsed:
    """Render records as ``key: value`` lines, one block a record."""
    text, encoding = decode(data)
    try:
        value = list(_json_lines(text)) if lines else json.loads(clean(text))
    except json.JSONDecodeError as error:
        if not lines and error.msg == "Extra data":
            return read_json(data, lines=True)
        where = f"line {error.lineno}, column {error.colno}"
        raise DocumentError(f"is not valid JSON ({error.msg}, {where})", hint="mend that line") from None
    except RecursionError:
        raise DocumentError("its JSON is nested too deeply", hint="flatten it") from None
    return Parsed(list(_records(value)), "application/json", metadata={"encoding": encoding})


def _json_lines(text: str) -> Iterator[Any]:
    for number, line in enumerate(clean(text).split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                error.lineno = number
                raise


def _records(value: Any) -> Iterator[Part]:
    if isinstance(value, list):
        for record in value:
            yield Part("paragraph", "\n".join(_lines("", record)))
        return
    if not isinstance(value, dict):
        yield Part("paragraph", "\n".join(_lines("", value)))
        return
    flat = {k: v for k, v in value.items() if not _is_record_list(v)}
    if flat:
        yield Part("paragraph", "\n".join(_lines("", flat)))
    for key, records in value.items():
        if _is_record_list(records):
            yield Part("heading", str(key), level=2)
            for record in records:
                yield Part("paragraph", "\n".join(_lines("", record)))


def _is_record_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _lines(name: str, value: Any) -> Iterable[str]:
    """Flatten nested values to dotted keys, without recursion: the depth is the file's choice."""
    stack: list[tuple[str, Any]] = [(name, value)]
    while stack:
        key, item = stack.pop()
        if isinstance(item, dict):
            stack.extend((f"{key}.{k}" if key else str(k), v) for k, v in reversed(item.items()))
        elif isinstance(item, list) and any(isinstance(v, dict | list) for v in item):
            stack.extend((f"{key}[{i}]", v) for i, v in reversed(list(enumerate(item, 1))))
        else:
            shown = ", ".join(_scalar(v) for v in item) if isinstance(item, list) else _scalar(item)
            if shown:
                yield f"{one_line(key)}: {shown}" if key else shown


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return prose(str(value))
