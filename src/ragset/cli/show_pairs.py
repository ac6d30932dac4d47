"""Pairs to read: question, answer, and the context with its evidence marked."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragset.cli.terminal import one_line, out, safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ragset.schema.samples import Context, Sample

MARKS = ("[[", "]]")
"""What stands around evidence where there are no colours."""


def show_pairs(samples: Sequence[Sample], k: int, path: Path) -> None:
    """Print the first ``k`` pairs, wrapped to the terminal."""
    from rich.console import Console

    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
    for at, sample in enumerate(islice(samples, k), 1):
        _pair(console, _made_safe(sample), f"{at}/{len(samples)}")
    more = f"; all of them: -k {len(samples)}" if k < len(samples) else ""
    out(f"{min(k, len(samples))} of {len(samples)} pairs of {one_line(path)}{more}")


def _made_safe(sample: Sample) -> Sample:
    """Take what a terminal would obey out of every text of a sample, here and nowhere else."""
    return type(sample).model_validate(_safe_data(sample.model_dump()))


def _safe_data(value: Any) -> Any:
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, dict):
        return {_safe_data(key): _safe_data(item) for key, item in value.items()}
    return [_safe_data(item) for item in value] if isinstance(value, list | tuple) else value


def _pair(console: Console, sample: Sample, number: str) -> None:
    from rich.text import Text

    payload = sample.payload
    drawn = (sample.question_type, sample.persona, *sample.axes.values())
    about = [number, *drawn, sample.measures.get("difficulty"), sample.id]
    _print(console, Text("  ".join(one_line(item) for item in about if item), style="dim"))
    for turn in payload.history:
        _row(console, "", f"{turn.role}: {turn.content}")
    _row(console, "Q", payload.question, "bold")
    _row(console, "A", payload.answer or _no_answer(sample))
    for context in sample.contexts:
        _context(console, context, sample)
    if verdict := sample.rejected_by:
        _row(console, "!", one_line(f"rejected by {verdict.judge}: {verdict.reason}"), "red")
    out()


def _no_answer(sample: Sample) -> str:
    """Say why there is no answer, in the writer's words where it gave some."""
    if sample.payload.answerable:
        return "no answer"
    why = sample.provenance.get("why_unanswerable")
    return "not answerable from the documents" + (f": {one_line(why)}" if why else "")


def _context(console: Console, context: Context, sample: Sample) -> None:
    page = f", page {context.page}" if context.page is not None else ""
    place = " > ".join([context.document_id + page, *context.headings])
    _row(console, "C", one_line(place), "cyan")
    quotes = [e.quote for e in sample.evidence if e.document_id == context.document_id]
    _row(console, "", _marked(context.text, quotes, colours=console.is_terminal))


def _row(console: Console, mark: str, text: str | Text, style: str = "") -> None:
    """Print text with its mark in the margin, wrapped within its own column."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark, style="bold"), text if isinstance(text, Text) else Text(text, style=style))
    _print(console, grid)


def _print(console: Console, shown: Table | Text) -> None:
    """Print without the blanks that fill the lines up."""
    with console.capture() as captured:
        console.print(shown)
    for line in captured.get().splitlines():
        out(line.rstrip())


def _marked(text: str, quotes: Iterable[str], *, colours: bool) -> Text:
    """Mark each quote where it stands: in colour, or between brackets."""
    from rich.text import Text

    spans = _spans(text, quotes)
    if colours:
        shown = Text(text)
        for start, end in spans:
            shown.stylize("bold green", start, end)
        return shown
    for start, end in reversed(spans):
        text = text[:start] + MARKS[0] + text[start:end] + MARKS[1] + text[end:]
    return Text(text)


def _spans(text: str, quotes: Iterable[str]) -> list[tuple[int, int]]:
    """Find the quotes and join those that overlap; a quote the context does not hold is left out."""
    found = sorted((at, at + len(quote)) for quote in quotes if quote and (at := text.find(quote)) >= 0)
    joined: list[tuple[int, int]] = []
    for start, end in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
