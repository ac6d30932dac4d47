"""``ragset ingest``: bring an index up to date with folders and files."""

from __future__ import annotations

from typing import Any

import click

from ragset.cli import options as opt
from ragset.cli.progress import progress
from ragset.cli.terminal import out_json


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@opt.index_name
@opt.together(opt.files, opt.embedder, opt.indexes, opt.chroma, opt.as_json, opt.quiet)
def ingest(sources: tuple[str, ...], index: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Read documents into an index, or bring it up to date.

    New and changed files are embedded, unchanged ones skipped, removed ones deleted. A SOURCE is a folder or a file;
    NAME=PATH names its corpus. Files that cannot be read are listed and never stop the others.
    """
    from ragset import api
    from ragset.cli.show_index import show_ingest

    with progress(quiet=quiet) as shown:
        result = api.ingest(sources, index, progress=shown, **opt.given(**options))
    if as_json:
        out_json(result.as_dict())
    else:
        show_ingest(result.as_dict())
