"""HTML to parts: boilerplate is dropped and blocks are numbered before unstructured partitions the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ragset.adapters.reading_build import Parsed, Part, clean, one_line, table_text
from ragset.adapters.text_formats import decode

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_CHARSET = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z][\w.:\-]+)", re.I)
_SILENT = {"script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "canvas", "head", "audio",
           "video", "map", "link", "meta", "img",
           "picture", "source", "input", "select", "textarea", "button", "rp", "rt"}  # fmt: skip
_CHROME_TAGS = {"nav", "footer", "aside", "dialog", "menu"}
_CHROME_ROLES = {"navigation", "banner", "contentinfo", "search", "complementary", "dialog", "menu", "note"}
_CHROME = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navbox|navigation|breadcrumbs?|sidebar|site-?footer|page-?footer|cookie\S*|share|social|"
    r"skip-?link|mw-jump-link|mw-editsection|editsection|headerlink|toc|noprint|reflist|references|mw-references-wrap|"
    r"catlinks|printfooter|portlet|mw-portlet|hatnote|shortdescription|sistersitebox|authority-control|metadata|"
    r"mw-indicators?|vector-(?:dropdown|menu|toc|page-toolbar|column-end|sticky\S*)|siteSub|contentSub|mw-content-subtitle|advert\S*|newsletter|pagination|ambox|mbox-small|visually-hidden|sr-only)(?:$|\s)",
    re.I,
)
_NOTE_MARK = re.compile(
    r"(?:^|\s)(?:reference|footnote-ref|noteref|footnote-back|fn-backref|footnote-reference)(?:$|\s)"
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_BLOCKS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "dt", "dd", "blockquote", "figcaption", "div", "section",
           "article", "main", "header", "address", "summary", "details", "caption", "center", "body", "form",
           "fieldset", "legend", "figure", "dl", "ul", "ol"}  # fmt: skip
_CONTAINER_TAG = re.compile(
    r"<(/?)(?!(?:p|br|hr|img|input|meta|link|col|wbr|area|base|source)\b)[a-z][^<>]*(?<!/)>", re.I
)
_BREAK, _MAX_DEPTH = "\ue000", 120


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a numbered block stands: its tag, list depth and marker, or the part it was replaced by."""

    tag: str
    depth: int = 0
    marker: str = "- "
    item: int = 0
    ready: Part | None = None


def read_html(data: bytes) -> Parsed:
    """Read a web page: visible text without navigation, scripts and footers; tables and code kept."""
    declared = _CHARSET.search(data[:4096])
    text, encoding = decode(data, declared[1].decode("ascii", "replace") if declared else None)
    root = parse_html(text)
    title = one_line(" ".join(root.xpath("//title[1]//text()"))) or None
    return Parsed(html_parts(text), "text/html", title=title, metadata={"encoding": encoding})


def parse_html(text: str) -> HtmlElement:
    """Parse HTML of any depth and brokenness; nothing is fetched."""
    from lxml import html

    etree: Any = import_module("lxml.etree")

    # What is left of an XML declaration would make lxml refuse a str.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", clean(text)) or "<p></p>"
    for attempt in (text, None):
        parser = html.HTMLParser(recover=True, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True)
        try:
            root = html.document_fromstring(attempt or _flattened(text), parser=parser)
        except (etree.ParserError, etree.XMLSyntaxError):
            root = html.document_fromstring("<p></p>")
        if not any("depth" in entry.message for entry in parser.error_log):
            break
    return _shallow(root)


def _flattened(text: str) -> str:
    """Drop the tags of containers beyond a depth that libxml2 would refuse (it then drops the text as well)."""
    depth = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        depth += -1 if match[1] else 1
        return match[0] if depth + bool(match[1]) <= _MAX_DEPTH else " "

    return _CONTAINER_TAG.sub(keep, text)


def html_parts(text: str) -> list[Part]:
    """Give the parts of a page; when dropping boilerplate leaves hardly anything, only what is invisible is dropped."""
    parts = _partitioned(_strip(parse_html(text), chrome=True))
    if sum(len(p.text) for p in parts) < 200:
        everything = _partitioned(_strip(parse_html(text), chrome=False))
        if sum(len(p.text) for p in everything) > 3 * sum(len(p.text) for p in parts):
            return everything
    return parts


def _shallow(root: HtmlElement) -> HtmlElement:
    """Flatten what is nested too deeply for recursive walkers."""
    deep: list[Any] = []
    stack: list[tuple[Any, int]] = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > _MAX_DEPTH and isinstance(node.tag, str):
            deep.append(node)
        stack.extend((child, depth + 1) for child in node)
    for node in deep:
        if node.tag in _BLOCKS or node.tag in ("table", "tr", "td", "th", "pre"):
            node.text = f"{node.text or ''}"
            node.tail = f"\n{node.tail or ''}"
        node.drop_tag()
    return root


def _strip(root: HtmlElement, chrome: bool) -> HtmlElement:
    """Drop what is not seen and, with ``chrome``, what is on every page of a site; give the main content."""
    limit = 0.4 * len(root.text_content())
    for node in list(root.iter()):
        if node.getparent() is None or not isinstance(node.tag, str) or node.tag in ("html", "body", "main"):
            continue
        if _invisible(node) or (chrome and _is_chrome(node) and len(node.text_content()) < limit):
            node.drop_tree()
    body = root.find(".//body")
    body = root if body is None else body
    mains = root.xpath("//main | //*[@role='main'] | //article") if chrome else []
    whole = len(body.text_content())
    return next((m for m in mains if len(m.text_content()) > 0.4 * whole), body)


def _invisible(node: Any) -> bool:
    if node.tag in _SILENT or node.get("hidden") is not None or node.get("aria-hidden") == "true":
        return True
    return bool(_HIDDEN.search(node.get("style") or "")) or bool(_NOTE_MARK.search(node.get("class") or ""))


def _is_chrome(node: Any) -> bool:
    if node.tag in _CHROME_TAGS or (node.get("role") or "") in _CHROME_ROLES:
        return True
    if any(True for _ in node.iter("main", "h1")):
        return False
    if node.tag == "header":
        return True
    if node.tag in ("h1", "h2", "h3", "h4", "h5", "h6", "article", "section", "table", "p"):
        named = node.get("class") or ""
    else:
        named = f"{node.get('class') or ''} {node.get('id') or ''}"
    return bool(_CHROME.search(named))


def _partitioned(main: HtmlElement) -> list[Part]:
    """Let unstructured partition the page with numbered blocks, and take kind and depth from the numbers."""
    etree: Any = import_module("lxml.etree")

    from ragset.adapters.partition import partition

    origins = _numbered(main)
    if not "".join(main.itertext()).strip():
        return []
    page = f"<html><body>{etree.tostring(main, encoding='unicode', method='html', with_tail=False)}</body></html>"
    parts: list[Part] = []
    seen: set[int] = set()
    for element in partition("html", text=page):
        origin = origins.get(element.metadata.page_number or 0, _Origin("p"))
        parts.extend(_parts_of(element, origin, seen))
    return parts


def _parts_of(element: Any, origin: _Origin, seen: set[int]) -> Iterator[Part]:
    name = type(element).__name__
    if name == "Image":
        return
    if origin.ready is not None:
        yield origin.ready
    elif origin.tag[0] == "h" and origin.tag[1:].isdigit():
        yield Part("heading", element.text.replace(_BREAK, " "), level=int(origin.tag[1]))
    elif origin.item or name == "ListItem":
        marker = "  " if origin.item in seen and origin.item else origin.marker
        seen.add(origin.item)
        yield Part("list", element.text.replace(_BREAK, "\n"), level=max(1, origin.depth), marker=marker)
    else:
        for text in re.split(f"\\s*{_BREAK}\\s*{_BREAK}\\s*", element.text):
            yield Part("paragraph", text.replace(_BREAK, "\n"))


def _numbered(main: HtmlElement) -> dict[int, _Origin]:
    """Set ``data-page-number`` on every block (unstructured hands it through), after preparing what it would lose."""
    origins: dict[int, _Origin] = {}
    for table in list(main.iter("table")):
        _place_table(table, origins)
    for node in list(main.iter("pre")):
        _replace(node, Part("code", node.text_content()), origins)
    for node in list(main.iter("code", "tt", "samp", "kbd")):
        inside = one_line(node.text_content())
        if inside and "`" not in inside and len(inside) < 200:
            _set_text(node, f"`{inside}`")
    for node in list(main.iter("br")):
        node.tail = _BREAK + (node.tail or "")
        node.drop_tag()
    markers: dict[Any, tuple[int, str, int]] = {}
    for number, node in enumerate(main.iter(), len(origins) + 1):
        if not isinstance(node.tag, str) or node.tag not in _BLOCKS or node.get("data-page-number"):
            continue
        if node.tag in ("li", "dd"):
            markers[node] = (sum(a.tag in ("ul", "ol") for a in node.iterancestors()), _marker(node), number)
        holder = node if node in markers else next((a for a in node.iterancestors() if a in markers), None)
        depth, marker, item = markers.get(holder, (0, "- ", 0))
        node.set("data-page-number", str(number))
        origins[number] = _Origin(node.tag, depth, marker, item)
    return origins


def _marker(node: Any) -> str:
    parent = node.getparent()
    if node.tag == "dd" or parent is None or parent.tag != "ol":
        return "- "
    start = parent.get("start") or "1"
    before = sum(sibling.tag == "li" for sibling in node.itersiblings(preceding=True))
    return f"{(int(start) if start.isdigit() else 1) + before}. "


def _set_text(node: Any, text: str) -> None:
    for child in list(node):
        node.remove(child)
    node.text = text


def _replace(node: Any, part: Part, origins: dict[int, _Origin]) -> None:
    """Put a numbered placeholder where the node was; the part is taken as it is."""
    tail, number = node.tail, len(origins) + 1
    _set_text(node, "placeholder text")
    node.tag, node.tail = "p", tail
    for name in list(node.attrib):
        del node.attrib[name]
    node.set("data-page-number", str(number))
    origins[number] = _Origin("p", ready=part)


def _place_table(table: Any, origins: dict[int, _Origin]) -> None:
    if table.getparent() is None:
        return
    rows = table_rows(table)
    nested = table.find(".//table") is not None
    is_layout = nested or table.get("role") == "presentation" or max(map(len, rows), default=0) < 2
    if is_layout or table.find(".//h1") is not None:
        for node in table.iter("table", "tbody", "thead", "tfoot", "tr", "td", "th", "caption"):
            if node is table or not any(a.tag == "table" for a in node.iterancestors() if a is not table):
                node.tag = "div"
        return
    caption = table.find("caption")
    if caption is not None and (text := one_line(caption.text_content())):
        rows = [[text], *rows] if not rows or [text] != rows[0] else rows
    _replace(table, Part("table", table_text(rows)), origins)


def table_rows(table: Any) -> list[list[str]]:
    """Give the cells of an HTML table; a spanning cell is written once, its other places stay empty."""
    rows: list[list[str]] = []
    held: dict[tuple[int, int], str] = {}
    for y, tr in enumerate(table.iter("tr")):
        row: list[str] = []
        for cell in tr.iterchildren("td", "th"):
            while (y, len(row)) in held:
                row.append(held.pop((y, len(row))))
            wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
            for inner in cell.iter(*_BLOCKS, "br"):
                inner.text, inner.tail = f" {inner.text or ''}", f" {inner.tail or ''}"
            text = one_line("".join(cell.itertext()).replace(_BREAK, " "))
            for x in range(len(row), len(row) + wide):
                for below in range(1, high):
                    held[y + below, x] = text if x == len(row) else ""
            row += [text] + [""] * (wide - 1)
        while (y, len(row)) in held:
            row.append(held.pop((y, len(row))))
        rows.append(row)
    return rows


def _span(cell: Any, name: str) -> int:
    value = (cell.get(name) or "1").strip()
    return min(100, max(1, int(value))) if value.isdigit() else 1


def fragment_parts(text: str) -> Iterator[Part]:
    """Give the parts of a piece of HTML inside Markdown, without unstructured: tables, code, and the rest as text."""
    root = _strip(parse_html(f"<div>{text}</div>"), chrome=False)
    for table in list(root.iter("table")):
        if table.getparent() is not None:
            yield Part("table", table_text(table_rows(table)))
            table.drop_tree()
    for node in list(root.iter("pre")):
        yield Part("code", node.text_content())
        node.drop_tree()
    for node in root.iter("p", "div", "li", "br", "summary", "tr"):
        node.tail = f"\n\n{node.tail or ''}"
    for piece in re.split(r"\n\s*\n", root.text_content()):
        if one_line(piece):
            yield Part("paragraph", one_line(piece))
