"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ragset.cli.progress import Shown, progress
from ragset.cli.terminal import talk
from ragset.errors import UsageError

BUILTIN = "builtin"

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
order = together(
    click.option("--seed", type=int, help="Seed of the draws (default: the flow's, 0)."),
    click.option("--model", metavar="NAME", default=BUILTIN, show_default=True, help="Model that writes and judges."),
    click.option("--flow", metavar="FILE", help="Flow to run, a name or a YAML file (default: rag_qa)."),
)
folder = together(
    click.option("--force", is_flag=True, help="Replace a run of another flow in the folder."),
    click.option("--retry-failed", is_flag=True, help="Try again what failed in the earlier run."),
)
files = together(
    click.option("--include", metavar="GLOB", multiple=True, help="Only files that match (may be repeated)."),
    click.option("--exclude", metavar="GLOB", multiple=True, help="No files that match (may be repeated)."),
    click.option("--max-tokens", type=click.IntRange(min=16), help="Longest chunk, in the embedding model's tokens."),
    click.option("--strategy-file", metavar="FILE", help="YAML that says for which files chunks are cut otherwise."),
)


def given(**options: Any) -> dict[str, Any]:
    """Leave out what was not given, so that the API's own defaults hold."""
    return {name: value for name, value in options.items() if value is not None and value is not False and value != ()}


def check_model(name: str, *, quiet: bool) -> None:
    """Say what ``builtin`` is; raises ``UsageError`` for any other model before anything is read."""
    if name != BUILTIN:
        what = f"no model '{name}': this release runs '{BUILTIN}' only, without a language model"
        raise UsageError(what, hint="leave --model out; language-model providers come with a later release")
    talk("model: builtin (extractive writer and rule judge: no language model, no key, no network)", quiet=quiet)


def started(options: dict[str, Any]) -> Shown:
    """Take ``quiet`` out of a command's options, check the model that it names, and give the progress to show."""
    quiet = bool(options.pop("quiet"))
    check_model(options["model"], quiet=quiet)
    return progress(quiet=quiet)
