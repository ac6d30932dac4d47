"""The certificate of a run: one HTML page that says what was kept, why the rest was not, and how far to believe it.

Made from ``report.json`` and the lines of the run folder alone. Self-contained: no script, no font, no request; light
and dark, and readable on paper. All that comes from documents and models is escaped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, TypeVar

from ragset.kit import certificate_parts as parts
from ragset.kit.certificate_limits import limits, needed
from ragset.kit.prompting import PlainSandbox, plain

READ = 10
"""Kept and rejected pairs shown."""
AROUND = 420
"""Characters of a context shown on either side of its evidence."""

Line = Mapping[str, Any]
T = TypeVar("T")


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import StrictUndefined

    sandbox = PlainSandbox(undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return sandbox.from_string((files("ragset.certificates") / "report.v1.jinja").read_text("utf-8"))


def certificate(report: Mapping[str, Any], kept: Sequence[Line], rejected: Sequence[Line], name: str) -> str:
    """Give the page of the run called ``name``; ``kept`` and ``rejected`` are the lines of its files to be shown."""
    from markupsafe import Markup

    samples = report["samples"]
    css = (files("ragset.certificates") / "page.v1.css").read_text("utf-8")
    shown = {
        "title": f"{name}: {report['kept']:,} question–answer pairs",
        "subtitle": parts.subtitle(report),
        "warnings": parts.warnings(report),
        "figures": parts.figures(report),
        **dict(zip(("can", "cannot"), limits(report), strict=True)),
        "needed": needed(),
        "yield": parts.yields(report),
        "verdicts": parts.verdicts(report),
        "calibrations": parts.calibrations(report),
        "coverage": parts.coverage(report),
        "diversity": parts.diversity(report),
        "axes": parts.axes(report),
        "models": parts.models(report),
        "usage": parts.usage(report),
        "prompts": parts.prompts(report),
        "kept": {"line": _shown(kept, report["kept"], "spread evenly over the set"), "rows": [*map(_pair, kept)]},
        "rejected": {
            "line": _shown(rejected, samples["rejected"] + samples["failed"], "of every gate in turn"),
            "rows": [*map(_pair, rejected)],
        },
        "foot": f"Made by ragset {report.get('ragset', '')} from report.json and the run's files; the same run gives "
        "the same page.",
    }
    return _template().render({**plain(shown), "css": Markup(css)}) + "\n"  # noqa: S704  (our own file, not data)


def _shown(lines: Sequence[Line], total: int, how: str) -> str:
    if len(lines) == total:
        return "All of them." if total else "There are none."
    return f"{len(lines)} of {total:,}, {how}."


def spread(lines: Sequence[T], most: int = READ) -> list[T]:
    """Give ``most`` items, evenly spaced over the whole sequence."""
    if len(lines) <= most:
        return list(lines)
    return [lines[at * len(lines) // most] for at in range(most)]


def by_reason(lines: Iterable[Line], most: int = READ) -> list[Line]:
    """Give ``most`` lines, one of each gate in turn, so that no frequent reason hides the others."""
    of: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        group = of[str(line.get("rejected_by") or line.get("status", ""))]
        if len(group) < most:
            group.append(line)
    found = [group[at] for at in range(most) for group in of.values() if at < len(group)]
    return found[:most]


def _pair(line: Line) -> dict[str, Any]:
    failure = line.get("failure") or {}
    why = f"{line.get('rejected_by')}: {line.get('reason')}" if line.get("rejected_by") else failure.get("message", "")
    measures = line.get("measures") or {}
    tags = [line.get("question_type"), measures.get("difficulty"), line.get("persona"), *(line.get("labels") or ())]
    return {
        "question": line["question"],
        "answer": _answer(line),
        "history": list(line.get("history") or ()),
        "why": why or "",
        "contexts": [_context(context, line.get("evidence") or ()) for context in line.get("contexts") or ()],
        "tags": [str(tag) for tag in tags if tag],
    }


def _answer(line: Line) -> str:
    if line["answer"] is not None:
        return line["answer"]
    return "(no reference answer was given)" if line.get("answerable", True) else "(the corpus does not answer this)"


def _context(context: Mapping[str, Any], evidence: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Cut a context down to what surrounds its evidence, and mark the evidence."""
    text = context["text"]
    quotes = [(e["start"], e["quote"]) for e in evidence if e["document_id"] == context["document_id"] and e["quote"]]
    pieces = _around(marked(text, standing(text, quotes)))
    page = f", page {context['page']}" if context.get("page") else ""
    headings = " › ".join(context.get("headings") or ())
    return {"pieces": pieces, "place": f"{context['document_id']}{page}{': ' + headings if headings else ''}"}


def standing(text: str, quotes: Sequence[tuple[int, str]]) -> list[tuple[int, int]]:
    """Find where in a context its evidence stands, of quotes and their offsets in the document.

    Where the context begins in the document is where the offsets of most quoted characters agree. When several places
    are as good, a quote is taken where it occurs just once, and one that occurs more often is left out.
    """
    begins = {start - at for start, quote in quotes for at in _occurrences(text, quote) if at <= start}
    fitting = {begin: [(s - begin, q) for s, q in quotes if _fits(text, q, s - begin)] for begin in sorted(begins)}
    most = max((sum(len(q) for _, q in found) for found in fitting.values()), default=0)
    best = [found for found in fitting.values() if sum(len(q) for _, q in found) == most]
    if len(best) == 1:
        return [(at, at + len(quote)) for at, quote in best[0]]
    once = [(places[0], quote) for _, quote in quotes if len(places := _occurrences(text, quote)) == 1]
    return [(at, at + len(quote)) for at, quote in once]


def _fits(text: str, quote: str, at: int) -> bool:
    return at >= 0 and text.startswith(quote, at)


def _occurrences(text: str, quote: str) -> list[int]:
    found = [at := text.find(quote)]
    while at >= 0:
        found.append(at := text.find(quote, at + 1))
    return found[:-1]


def marked(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[str, bool]]:
    """Cut a text into pieces, each marked or not: what one of the spans covers is marked."""
    covered = [False] * len(text)
    for start, end in spans:
        covered[start:end] = [True] * (end - start)
    edges = [at for at in range(1, len(text)) if covered[at] != covered[at - 1]]
    cuts = [0, *edges, len(text)]
    return [(text[a:b], covered[a]) for a, b in pairwise(cuts) if a < b]


def _around(pieces: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Shorten what is not marked, away from the marks."""
    last, found = len(pieces) - 1, list[tuple[str, bool]]()
    for at, (text, mark) in enumerate(pieces):
        if mark or len(text) <= 2 * AROUND:
            found.append((text, mark))
            continue
        head = text[:AROUND] if at or last == 0 else ""
        tail = text[-AROUND:] if at < last else ""
        found.append((f"{head} … {tail}", False))
    return found
