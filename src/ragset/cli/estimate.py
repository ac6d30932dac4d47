"""``ragset estimate``: calls, tokens and money of a run before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ragset.cli import options as opt
from ragset.cli.numbers import Whole
from ragset.cli.terminal import one_line, out, out_json, table

if TYPE_CHECKING:
    from ragset.flow.estimate import Estimate

FEW = 10
"""Numbers below get a decimal."""


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("-n", "n", type=Whole(min=1), help="Pairs wanted (default: what the flow says, 50).")
@click.option("--index", metavar="NAME", help="Index to draw from (default: made of the sources' names).")
@click.option("--pilot", is_flag=True, help="Make the first 20 draws with the real models; their replies are kept.")
@click.option("--pilot-draws", type=Whole(min=2), help="Make a pilot of so many draws in place of 20.")
@click.option("--like", metavar="RUN", help="Folder of an earlier run, whose pass rates are taken.")
@opt.together(opt.order, opt.files, opt.embedder, opt.indexes, opt.chroma, opt.as_json, opt.quiet)
def estimate(
    sources: tuple[str, ...],
    n: int | None,
    pilot: bool,
    pilot_draws: int | None,
    like: str | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Say what a run will use: calls, tokens and money, step by step.

    Give SOURCEs as for 'ragset build' (they are ingested first, which calls no model), or --index alone. Without
    --pilot no model is called: then pass rates are those of the flow or of --like, and assumed where neither says one.
    """
    from ragset.api.estimate import estimate as make

    with opt.started(rest) as shown:
        found = make(sources or None, n, pilot=pilot_draws or pilot, like=like, progress=shown, **opt.given(**rest))
    if as_json:
        out_json(found.as_dict())
    else:
        show_estimate(found)


def show_estimate(found: Estimate) -> None:
    """Print an estimate: a row for each step and role, the totals, and what they rest on."""
    out(found.line())
    if found.stages:
        out()
        head = ("step", "role", "calls", "tokens in", "tokens out", "USD")
        rows = [(s.step, s.role, *_row(s.calls, s.prompt_tokens, s.completion_tokens, s.cost)) for s in found.stages]
        total = (found.calls, found.prompt_tokens, found.completion_tokens, found.cost)
        rows.append(("all", "", *_row(*total)))
        if found.kept:
            each = [None if value is None else value / found.kept for value in total]
            rows.append(("per kept pair", "", *_row(*each)))
        table([head, *rows])
        out()
        out(f"{found.draws:,.0f} draws; nine of ten runs use {found.low:.0%} to {found.high:.0%} of this")
    for line in found.assumptions:
        out(one_line(line))


def _row(calls: float | None, tokens_in: float | None, tokens_out: float | None, cost: float | None) -> list[str]:
    counts = [
        f"{value or 0:,.1f}" if (value or 0) < 10 else f"{value:,.0f}" for value in (calls, tokens_in, tokens_out)
    ]
    return [*counts, "unknown" if cost is None else f"{cost:,.4f}"]
