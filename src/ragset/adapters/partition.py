"""The one place where unstructured runs: offline, silent, with a tagger that needs no download."""

from __future__ import annotations

import contextlib
import io
import os
import re
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from ragset.adapters.reading_build import Parsed, Part, one_line, table_text

_QUIET = {"UNSTRUCTURED_DISABLE_NOTICE": "1", "DO_NOT_TRACK": "true", "SCARF_NO_ANALYTICS": "true"}
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_VERB = re.compile(
    r"am|is|are|was|were|be|been|being|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must|gets?|got|"
    r"go|goes|went|makes?|made|takes?|took|uses?|used|sees?|needs?|says?|said|finds?|gives?|[a-z]{2,}(?:ed|ing|i[sz]es?|ify)"
)


@cache
def offline_tagger() -> Any:
    """Build the pipeline that stands in for ``en_core_web_sm``: blank English, sentences by rule, verbs by ending.

    unstructured asks it only whether a text has a verb and how many sentences; the real model is a download from
    GitHub at first use, which never happens here.
    """
    import spacy
    from spacy.language import Language

    def tag_verbs(doc: Any) -> Any:
        for token in doc:
            token.tag_ = "VB" if _VERB.fullmatch(token.lower_) else "NN"
        return doc

    if not Language.has_factory("ragset_verbs"):
        Language.component("ragset_verbs", func=tag_verbs)
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    pipeline.add_pipe("ragset_verbs")
    return pipeline


@cache
def _prepare() -> None:
    os.environ.update(_QUIET)
    import unstructured.nlp.tokenize as tokenize

    setattr(tokenize, "_get_nlp", offline_tagger)  # noqa: B010  private name: pyright would refuse the plain form


def partition(kind: str, **source: Any) -> list[Any]:
    """Run one of unstructured's partitioners: ``html`` (``text=``), ``docx`` or ``pptx`` (``file=``)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _prepare()
        if kind == "html":
            from unstructured.partition.html import partition_html as run
        elif kind == "docx":
            from unstructured.partition.docx import partition_docx as run
        else:
            from unstructured.partition.pptx import partition_pptx as run
        return list(run(**source, languages=[""]))


def read_docx(data: bytes) -> Parsed:
    """Read Word: headings by their style (or an outline level), lists, tables; headers and footers are left out."""
    import docx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document = docx.Document(io.BytesIO(data))
        levels = _docx_levels(document)
        title = one_line(document.core_properties.title or "")
    elements = partition("docx", file=io.BytesIO(data))
    parts = list(_without_contents(p for e in elements for p in _docx_part(e, levels)))
    return Parsed(parts, _DOCX, title=None if title.lower() in ("word document", "untitled", "document") else title)


def _docx_levels(document: Any) -> dict[str, list[int]]:
    """Give the heading levels (0: none) of all paragraphs with the same text, in order of occurrence."""
    levels: dict[str, list[int]] = {}
    for paragraph in document.element.body.iter("{*}p"):
        if paragraph.getparent().tag.endswith(("}body", "}sdtContent")):
            levels.setdefault(_key("".join(t.text or "" for t in paragraph.iter("{*}t"))), []).append(
                _docx_level(document, paragraph)
            )
    return levels


def _key(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _without_contents(parts: Iterator[Part]) -> Iterator[Part]:
    """Drop a table of contents: the short lines after its title, up to a real heading or a sentence."""
    inside = False
    for part in parts:
        if part.kind == "paragraph" and re.fullmatch(
            r"(?:table of )?contents|inhalt(?:sverzeichnis)?|índice", part.text, re.I
        ):
            inside = True
        elif inside and part.kind == "paragraph" and len(part.text) < 150 and part.text[-1:] not in ".!?:":
            continue
        else:
            inside = False
            yield part


def _docx_level(document: Any, paragraph: Any) -> int:
    """Give the heading level of a paragraph by its style's name or outline level, 0 for body text."""
    from docx.enum.style import WD_STYLE_TYPE

    outline = paragraph.find("{*}pPr/{*}outlineLvl")
    style = paragraph.find("{*}pPr/{*}pStyle")
    if outline is None and style is not None:
        key = next((v for k, v in style.attrib.items() if k.endswith("}val")), "")
        known = document.styles.get_by_id(key, WD_STYLE_TYPE.PARAGRAPH)
        name = (known.name or "") if known is not None else key
        if match := re.fullmatch(r"heading ?(\d)", name, re.I):
            return int(match[1])
        if name.lower() in ("title", "subtitle"):
            return 1 if name.lower() == "title" else 2
        outline = known.element.find("{*}pPr/{*}outlineLvl") if known is not None else None
    if outline is None:
        return 0
    value = next((v for k, v in outline.attrib.items() if k.endswith("}val")), "9")
    return int(value) + 1 if value.isdigit() and int(value) < 9 else 0


def _docx_part(element: Any, levels: dict[str, list[int]]) -> Iterator[Part]:
    kind, text = type(element).__name__, element.text
    if kind in ("Header", "Footer", "PageBreak", "Image"):
        return
    same = levels.get(_key(text)) or [0]
    level = (same.pop(0) if len(same) > 1 else same[0]) if kind != "Table" else 0
    if kind == "Table":
        yield Part("table", html_table(element.metadata.text_as_html or "") or text)
    elif level:
        yield Part("heading", text, level=level)
    elif kind == "ListItem":
        yield Part("list", text, level=1 + min(5, element.metadata.category_depth or 0))
    elif kind == "Title" and _is_bold(element):
        yield Part("heading", text, level=4)
    else:
        yield Part("paragraph", text)


def _is_bold(element: Any) -> bool:
    """Tell a short line set in bold as a whole, as unstyled documents write their headings."""
    bold = zip(
        element.metadata.emphasized_text_contents or (), element.metadata.emphasized_text_tags or (), strict=False
    )
    covered = sum(len(text) for text, tag in bold if "b" in tag)
    return covered >= 0.9 * len(element.text) and len(element.text) <= 100 and element.text.strip()[-1:] not in ".,;"


def read_pptx(data: bytes) -> Parsed:
    """Read slides: the title placeholder is the heading, each slide a page, notes follow their slide."""
    import pptx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        deck = pptx.Presentation(io.BytesIO(data))
        titles = {n: one_line(_slide_title(slide)) for n, slide in enumerate(deck.slides, 1)}
        claimed = one_line(deck.core_properties.title or "")
    parts: list[Part] = []
    for element in partition("pptx", file=io.BytesIO(data), include_slide_notes=True, include_page_breaks=False):
        parts.extend(_pptx_part(element, titles))
    title = None if claimed.lower() in ("powerpoint presentation", "untitled", "") else claimed
    return Parsed(parts, _PPTX, title=title or next((t for t in titles.values() if t), None))


def _slide_title(slide: Any) -> str:
    shape = slide.shapes.title
    return shape.text_frame.text if shape is not None and shape.has_text_frame else ""


def _pptx_part(element: Any, titles: dict[int, str]) -> Iterator[Part]:
    kind, text, page = type(element).__name__, element.text, element.metadata.page_number or 1
    if kind in ("Image", "PageBreak", "Footer"):
        return
    if kind == "Table":
        yield Part("table", html_table(element.metadata.text_as_html or "") or text, page=page)
    elif titles.get(page) and one_line(text) == titles[page]:
        titles[page] = ""
        yield Part("heading", text, page=page)
    elif kind == "ListItem":
        yield Part("list", text, level=max(1, min(6, element.metadata.category_depth or 1)), page=page)
    else:
        yield Part("paragraph", text, page=page)


def html_table(html: str) -> str:
    """Write the first table of some HTML as ``a | b`` rows."""
    from ragset.adapters.reading_html import parse_html, table_rows

    table = parse_html(html).find(".//table") if html else None
    return "" if table is None else table_text(table_rows(table))


def warm() -> None:
    """Import everything a partitioner needs, so that a memory limit set afterwards is for the document alone."""
    for kind in ("html", "docx", "pptx"):
        with contextlib.suppress(Exception):
            partition(kind, **({"text": "<p>Warm up now.</p>"} if kind == "html" else {"file": io.BytesIO(b"")}))
