"""``ragset validate``: judge a set that exists, made by ragset or by another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ragset.cli import options as opt

FORMATS = ("ragas", "llama-rag", "deepeval", "squad", "beir", "autorag", "raget", "jsonl", "csv", "ragset")
"""Formats, as ``--help`` names them; what is not among them is refused by the API."""


class Columns(click.Command):
    """A command whose ``--columns`` takes every PART=COLUMN that follows it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write the option before each of its values."""
        spread: list[str] = []
        taking = False
        for word in args:
            if taking and not word.startswith("-") and "=" in word and spread[-1] != "--columns":
                spread.append("--columns")
            taking = word == "--columns" or (taking and not word.startswith("-") and "=" in word)
            spread.append(word)
        return super().parse_args(ctx, spread)


def _parts(ctx: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Read PART=COLUMN, several with commas between them too."""
    pairs = [pair.partition("=") for value in values for pair in value.split(",")]
    if wrong := next((part for part, equals, column in pairs if not (part and equals and column)), None):
        raise click.BadParameter(f"'{wrong}' is no PART=COLUMN, such as question=Q", ctx, option)
    return {part.strip(): column for part, _, column in pairs}


@click.command(cls=Columns)
@click.argument("file", metavar="FILE")
@click.option(
    "--from", "format", metavar="FORMAT", help=f"What FILE is: {', '.join(FORMATS)} (default: told by itself)."
)
@click.option(
    "--columns",
    metavar="PART=COLUMN...",
    multiple=True,
    callback=_parts,
    help="Columns of plain JSONL or CSV: question=Q answer=A contexts=C …",
)
@click.option("--index", metavar="NAME", help="Index to judge against.")
@click.option("--corpus", metavar="DIR", help="Folder or file to ingest first, and to judge against.")
@opt.out_folder
@opt.together(opt.order, opt.embedder, opt.indexes, opt.chroma, opt.folder, opt.as_json, opt.quiet)
@click.pass_context
def validate(ctx: click.Context, file: str, out: str, as_json: bool, **rest: Any) -> None:
    """Judge the pairs of FILE, of ragset or of another tool.

    What passes every gate goes to kept.jsonl in the run folder, the rest with its reasons to rejected.jsonl. The pairs
    are judged against an index, against a folder that is ingested first, or against the contexts that FILE brings.
    FILE may be a run folder.
    """
    from ragset import api
    from ragset.cli.show_run import end
    from ragset.cli.show_set import show_set

    with opt.started(rest) as shown:
        run = api.validate(file, out=out, progress=shown, **opt.given(**rest))
    if not as_json:
        show_set(run.report)
    end(ctx, run.report, Path(out), as_json)
