"""``ragset build`` and ``generate``: the commands that make pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ragset.cli import options as opt
from ragset.cli.numbers import Whole

number = click.option("-n", "n", type=Whole(min=1), help="Pairs wanted (default: what the flow says, 50).")


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@opt.out_folder
@number
@click.option("--index", metavar="NAME", help="Name of the index (default: made of the sources' names).")
@opt.together(opt.order, opt.files, opt.embedder, opt.indexes, opt.chroma, opt.folder, opt.as_json, opt.quiet)
@click.pass_context
def build(ctx: click.Context, sources: tuple[str, ...], out: str, n: int | None, as_json: bool, **rest: Any) -> None:
    """Make a validated question-answer set from documents.

    Ingests, generates, validates. A SOURCE is a folder or a file; NAME=PATH names its corpus. The same command on the
    same folder goes on where it was. Ends with exit code 3 when fewer pairs than asked for could be kept, and says why.
    """
    from ragset import api
    from ragset.cli.show_run import end

    with opt.started(rest) as shown:
        run = api.build(sources, out, n, progress=shown, **opt.given(**rest))
    end(ctx, run.report, Path(out), as_json)


@click.command()
@opt.index_name
@opt.out_folder
@number
@opt.together(opt.order, opt.embedder, opt.indexes, opt.chroma, opt.folder, opt.as_json, opt.quiet)
@click.pass_context
def generate(ctx: click.Context, index: str, out: str, n: int | None, as_json: bool, **rest: Any) -> None:
    """Make question-answer pairs from an index, unjudged.

    The pairs go to samples.jsonl in the run folder; 'ragset validate' judges them.
    """
    from ragset import api
    from ragset.cli.show_run import end

    with opt.started(rest) as shown:
        api.generate(index, n, out=out, progress=shown, **opt.given(**rest))
    report = json.loads((Path(out) / "report.json").read_text("utf-8"))
    end(ctx, report, Path(out), as_json)
