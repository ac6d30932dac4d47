"""``ragset index``: list, show, search, rebuild and delete indexes."""

from __future__ import annotations

from typing import Any

import click

from ragset.cli import options as opt
from ragset.cli.numbers import Whole
from ragset.cli.progress import progress
from ragset.cli.terminal import out, out_json


@click.group()
def index() -> None:
    """List, show, search, rebuild and delete indexes."""


@index.command("list")
@opt.together(opt.indexes, opt.as_json)
def list_(indexes: str | None, as_json: bool) -> None:
    """List the indexes: documents, chunks, embedding model."""
    from ragset.api.indexes import list_indexes
    from ragset.cli.show_index import show_list

    found = list_indexes(indexes)
    if as_json:
        out_json(found)
    else:
        show_list(found)


@index.command()
@click.argument("name", metavar="NAME")
@opt.together(opt.indexes, opt.as_json)
def show(name: str, indexes: str | None, as_json: bool) -> None:
    """Show one index: its corpora, documents and embedding model."""
    from ragset.api.indexes import show_index
    from ragset.cli.show_index import show_one

    found = show_index(name, indexes)
    if as_json:
        out_json(found)
    else:
        show_one(found)


@index.command()
@click.argument("name", metavar="NAME")
@click.argument("question", metavar="QUESTION")
@click.option("-k", "k", type=Whole(min=1), default=5, show_default=True, help="Chunks to find.")
@opt.together(opt.indexes, opt.as_json)
def search(name: str, question: str, k: int, indexes: str | None, as_json: bool) -> None:
    """Find the chunks nearest to a question."""
    from ragset.api import indexes as api
    from ragset.cli.show_index import hit_as_dict, show_hits

    hits = api.search(name, question, k, indexes)
    if as_json:
        out_json([hit_as_dict(hit) for hit in hits])
    else:
        show_hits(hits)


@index.command()
@click.argument("name", metavar="NAME")
@opt.together(opt.indexes, opt.quiet)
def rebuild(name: str, quiet: bool, **options: Any) -> None:
    """Make Chroma anew from the index's Parquet files; nothing is embedded again."""
    from ragset.api import indexes as api

    with progress(quiet=quiet):
        api.rebuild(name, **options)
    out(f"rebuilt {name}")


@index.command()
@click.argument("name", metavar="NAME")
@opt.indexes
def delete(name: str, indexes: str | None) -> None:
    """Delete an index; the documents it was made from stay."""
    from ragset.api import indexes as api

    api.delete(name, indexes)
    out(f"deleted {name}")
