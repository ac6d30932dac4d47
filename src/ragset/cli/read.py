"""``ragset show``, ``export`` and ``verify``: the commands that read a set of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ragset.cli import options as opt
from ragset.cli.terminal import one_line, out, out_json, plural, talk
from ragset.errors import UsageError

SETS = ("kept.jsonl", "samples.jsonl")


@click.command()
@click.argument("file", metavar="FILE")
@click.option("-k", "k", type=click.IntRange(min=1), default=5, show_default=True, help="Pairs to show.")
def show(file: str, k: int) -> None:
    """Show pairs to read, with their evidence marked.

    FILE may be a run folder.
    """
    from ragset.api import EvalSet
    from ragset.cli.show_pairs import show_pairs

    path = _set(file)
    show_pairs(EvalSet.load(path), k, path)


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--to", "to", metavar="FORMAT", required=True, help="openai-chat, prompt-completion, csv, parquet, …")
@click.option("--out", "target", metavar="PATH", required=True, help="File to write.")
@opt.quiet
def export(file: str, to: str, target: str, quiet: bool) -> None:
    """Write pairs in another format. FILE may be a run folder."""
    from ragset.api import EvalSet

    path = _set(file)
    if Path(target).exists() and Path(target).samefile(path):
        raise UsageError("would overwrite what it is read from", where=target, hint="name another --out")
    rows = EvalSet.load(path).export(to, target)
    talk(f"wrote {plural(rows, 'row')} of {path} as {to}", quiet=quiet)
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

    result = api.verify(_set(file), index, **opt.given(**options))
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


def _set(file: str) -> Path:
    """Give the file, or the set in a run folder."""
    path = Path(file)
    if path.is_dir():
        found = next((path / name for name in SETS if (path / name).is_file()), None)
        if found is None:
            raise UsageError("holds no kept.jsonl", where=file, hint="give a JSONL file, or the folder of a run")
        return found
    if not path.is_file():
        raise UsageError("no such file", where=file, hint="give kept.jsonl, rejected.jsonl or samples.jsonl of a run")
    return path
