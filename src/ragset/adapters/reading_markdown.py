"""Markdown to parts: markdown-it's tokens, so that code, nesting and tables survive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ragset.adapters.reading_build import Parsed, Part, clean, table_text
from ragset.adapters.text_formats import decode

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT = re.compile(
    r"\A(?:---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)|\+\+\+[ \t]*\n(.*?)\n\+\+\+[ \t]*(?:\n|\Z))", re.S
)
_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\n]*?))[ \t]*$", re.M | re.I)
# Template tags of static site generators: {% … %} lines say how to build the site, not what it says.
_TEMPLATE_LINE = re.compile(r"^[ \t]*\{%[^\n]*?%\}[ \t]*\n|^[ \t]*\{\{[<%][^\n]*?[%>]\}\}[ \t]*\n|^:::[^\n]*\n", re.M)
_TEMPLATE_LINK = re.compile(r"\]\(\{[%{][^\n]*?[%}]\}[^)\s]*\)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.M)


def read_md(data: bytes) -> Parsed:
    """Read Markdown (CommonMark with tables); front matter gives the title only."""
    text, encoding = decode(data)
    text = clean(text)
    title, certain = None, False
    if front := _FRONT.match(text):
        text = text[front.end() :]
        found = _TITLE.search(front[1] or front[2] or "")
        title = next((g for g in found.groups() if g), None) if found else None
        certain = bool(title)
    return Parsed(
        list(markdown_parts(_outside_fences(text))),
        "text/markdown",
        title=title,
        metadata={"encoding": encoding} | ({"title_is_certain": True} if certain else {}),
    )


def _outside_fences(text: str) -> str:
    """Drop comments and template tags, but not those that are shown inside code fences."""
    kept: list[str] = []
    at, fence = 0, ""
    for match in _FENCE.finditer(text):
        if not fence:
            kept.append(_without_noise(text[at : match.start()]))
            fence, at = match[1], match.start()
        elif match[1].startswith(fence):
            kept.append(text[at : match.end()])
            fence, at = "", match.end()
    kept.append(text[at:] if fence else _without_noise(text[at:]))
    return "".join(kept)


def _without_noise(text: str) -> str:
    return _TEMPLATE_LINK.sub("](#)", _TEMPLATE_LINE.sub("\n", _COMMENT.sub("", text)))


def markdown_parts(text: str) -> Iterator[Part]:
    """Walk the block tokens."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark", {"maxNesting": 60}).enable(["table", "strikethrough"]).parse(text)
    walk = _Walk()
    for token in tokens:
        yield from walk.step(token)


class _Walk:
    """State of the walk: open lists, the marker of the item at hand, rows of the open table."""

    def __init__(self) -> None:
        self.lists: list[int | None] = []
        self.marker: str | None = None
        self.heading = 0
        self.rows: list[list[str]] | None = None

    def step(self, token: Token) -> Iterator[Part]:
        """Take one token and give the parts it completes."""
        kind = token.type
        if kind in ("fence", "code_block"):
            yield Part("code", token.content)
        elif kind == "html_block":
            yield from _html_parts(token.content)
        elif kind == "inline":
            yield from self._inline(inline_text(token.children or []))
        elif kind == "table_close" and self.rows is not None:
            yield Part("table", table_text(self.rows))
            self.rows = None
        else:
            self._structure(kind, token)

    def _structure(self, kind: str, token: Token) -> None:
        if kind == "heading_open":
            self.heading = int(token.tag[1])
        elif kind == "heading_close":
            self.heading = 0
        elif kind in ("bullet_list_open", "ordered_list_open"):
            self.lists.append(int(token.attrs.get("start") or 1) if kind.startswith("ordered") else None)
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self.lists.pop()
        elif kind == "list_item_open":
            number = self.lists[-1]
            self.marker = "- " if number is None else f"{number}. "
            self.lists[-1] = None if number is None else number + 1
        elif kind == "table_open":
            self.rows = []
        elif kind == "tr_open" and self.rows is not None:
            self.rows.append([])

    def _inline(self, text: str) -> Iterator[Part]:
        if self.rows is not None:
            self.rows[-1].append(text)
        elif self.heading:
            yield Part("heading", text, level=self.heading)
        elif self.lists:
            # A second paragraph of an item hangs below it, without a marker.
            yield Part("list", text, level=len(self.lists), marker="  " if self.marker is None else self.marker)
            self.marker = None
        else:
            yield Part("paragraph", text)


def inline_text(children: list[Any]) -> str:
    """Give the visible text: link text without its target, code in backticks, no images, no emphasis marks."""
    out: list[str] = []
    for child in children:
        if child.type == "text":
            out.append(child.content)
        elif child.type == "code_inline":
            out.append(f"`{child.content}`")
        elif child.type == "softbreak":
            out.append("\u2063")
        elif child.type == "hardbreak" or (child.type == "html_inline" and re.match("<br", child.content, re.I)):
            out.append("\n")
    # A soft break is a blank, but nothing between wide characters.
    return re.sub("(?<=[\u2e80-\u9fff\uff00-\uffef])\u2063(?=[\u2e80-\u9fff\uff00-\uffef])", "", "".join(out)).replace(
        "\u2063", " "
    )


def _html_parts(html: str) -> Iterator[Part]:
    from ragset.adapters.reading_html import fragment_parts

    yield from fragment_parts(html)
