"""``ragset show``, ``export`` and ``verify``: the commands that read a set of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ragset.cli import options as opt
from ragset.cli.numbers import Whole
from ragset.cli.terminal import one_line, out, out_json, plural, talk
from ragset.errors import UsageError


@click.command()
@click.argument("file", metavar="FILE")
@click.option("-k", "k", type=Whole(min=1), default=5, show_default=True, help="Pairs to show.")
def show(file: str, k: int) -> None:
    """Show pairs to read, with their evidence marked.

    FILE may be a run folder.
    """
    from ragset.api import EvalSet
    from ragset.api.results import set_file
    from ragset.cli.show_pairs import show_pairs

    path = set_file(file)
    show_pairs(EvalSet.load(path), k, path)


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--to", "to", metavar="FORMAT", required=True, help="openai-chat, prompt-completion, ragas, csv, …")
@click.option("--out", "target", metavar="PATH", required=True, help="File to write.")
@opt.quiet
def export(file: str, to: str, target: str, quiet: bool) -> None:
    """Write pairs in another format. FILE may be a run folder."""
    from ragset.api import EvalSet
    from ragset.api.results import set_file

    path = set_file(file)
    if Path(target).exists() and Path(target).samefile(path):
        raise UsageError("would overwrite what it is read from", where=target, hint="name another --out")
    pairs = EvalSet.load(path)
    rows = pairs.export(to, target)
    talk(f"wrote {plural(rows, 'row')} of {path} as {to}", quiet=quiet)
    if rows < len(pairs):
        left = f"left out {len(pairs) - rows:,} of {plural(len(pairs), 'pair')}"
        talk(f"{left}: answerable, but without a reference answer to teach", quiet=quiet)
    out(one_line(target))


@click.command()
@click.argument("file", metavar="FILE")
@opt.index_name
@opt.together(opt.indexes, opt.chroma, opt.as_json, opt.quiet)
@click.pass_context
def verify(ctx: click.Context, file: str, index: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Re-check every evidence span against an index.

    Ends with exit code 1 when a span is not what it was: moved, its document changed, or gone.
    """
    from ragset import api
    from ragset.api.results import set_file

    result = api.verify(set_file(file), index, **opt.given(**options))
    counts = dict(sorted(result.counts.items()))
    spans = sum(counts.values())
    if as_json:
        out_json({"spans": spans, "counts": counts, "problems": result.problems})
    else:
        out(f"{plural(spans, 'evidence span')}: " + (", ".join(f"{n:,} {s}" for s, n in counts.items()) or "none"))
        for problem in result.problems:
            out(f"  {one_line(problem['id'])}  {problem['state']}: {one_line(problem['document_id'])}")
    if not result.ok:
        talk("some evidence is not where it was; build the set anew, or ingest the documents again", quiet=quiet)
        ctx.exit(1)
