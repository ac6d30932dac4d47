"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ragset.cli.numbers import Number, Whole
from ragset.cli.progress import Shown, progress

Command = TypeVar("Command", bound=Callable[..., Any])


def together(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Make one decorator of several options, shown in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


indexes = click.option("--indexes", metavar="DIR", help="Folder of indexes (RAGSET_INDEXES; default ./indexes).")
quiet = click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
index_name = click.option("--index", "index", metavar="NAME", required=True, help="Name of the index.")
out_folder = click.option("--out", metavar="DIR", required=True, help="Run folder to write, or to go on in.")
chroma = click.option("--chroma", metavar="URL", help="Chroma server to use in place of a folder.")
embedder = click.option(
    "--embedder", metavar="NAME", help="Embedding model: minilm (default), hash (for tests), or a name or folder."
)
spending = together(
    click.option("--max-calls", type=Whole(min=0), help="Most requests this run may send to models."),
    click.option("--max-tokens", type=Whole(min=0), help="Most tokens this run may pay, in and out."),
    click.option("--max-cost", type=Number(min=0), help="Most money this run may cost, in USD."),
    click.option("--replay", is_flag=True, help="Take replies from the cache alone; call nothing."),
    click.option("--cache", metavar="FILE", help="Cache of replies (RAGSET_CACHE; default: one per user)."),
    click.option("--prices", metavar="FILE", help="YAML file of prices (RAGSET_PRICES; default: those known)."),
)
models = together(
    click.option("--model", metavar="NAME", help="Model for all roles, provider:name (default: builtin)."),
    click.option("--answerer", metavar="NAME", help="Model that answers, in place of --model."),
    click.option("--judge", metavar="NAME", help="Model that judges, in place of --model."),
    click.option("--base-url", metavar="URL", help="Where the models named here are served."),
    click.option("--concurrency", type=Whole(min=1, max=1024), help="Most requests in flight (32)."),
    click.option("--flow", metavar="FILE", help="Flow to run, a name or a YAML file (default: rag_qa)."),
    spending,
)
order = together(click.option("--seed", type=Whole(), help="Seed of the draws (default: the flow's, 0)."), models)
folder = together(
    click.option("--force", is_flag=True, help="Replace a run of another flow in the folder."),
    click.option("--retry-failed", is_flag=True, help="Try again what failed in the earlier run."),
)
files = together(
    click.option("--include", metavar="GLOB", multiple=True, help="Only files that match (may be repeated)."),
    click.option("--exclude", metavar="GLOB", multiple=True, help="No files that match (may be repeated)."),
    click.option("--chunk-tokens", type=Whole(min=8), help="Longest chunk, in the embedding model's tokens."),
    click.option("--parse-timeout", type=Number(min=1), help="Seconds that parsing one file may take (60)."),
    click.option("--parse-memory", type=Whole(min=256), help="Megabytes that parsing one file may take (1024)."),
    click.option("--strategy-file", metavar="FILE", help="JSON that says for which files chunks are cut otherwise."),
)


def given(**options: Any) -> dict[str, Any]:
    """Leave out what was not given, so that the API's own defaults hold."""
    return {name: value for name, value in options.items() if value is not None and value is not False and value != ()}


def started(options: dict[str, Any]) -> Shown:
    """Take ``quiet`` out of a command's options, and give the progress."""
    return progress(quiet=bool(options.pop("quiet")))
