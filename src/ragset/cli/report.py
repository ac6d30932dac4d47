"""``ragset report``: the certificate of a run, or several runs side by side."""

from __future__ import annotations

from typing import Any

import click

from ragset.cli import options as opt
from ragset.cli.terminal import one_line, out, out_json, table


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@opt.as_json
def report(runs: tuple[str, ...], as_json: bool) -> None:
    """Write the certificate of a run, or compare runs.

    A RUN is the folder that --out named. Every run gets its report.html, a page that needs no network; two or more are
    printed side by side.
    """
    from ragset.api.reports import certify, compare

    pages = [certify(run) for run in runs]
    if len(runs) > 1 or as_json:
        compared = compare(runs)
        if as_json:
            out_json({**compared.as_dict(), "pages": [str(page) for page in pages]})
            return
        table([("", *compared.runs), *((what, *(_cell(value) for value in values)) for what, values in compared.rows)])
    for page in pages:
        out(f"wrote {one_line(page)}")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if isinstance(value, float) else one_line(value)
