"""Wiring: settings and options become the ports a flow works with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat, TypedDict, TypeVar, cast

from ragset.api.choosing import chosen
from ragset.api.roles import ModelOptions, Opened, SpendingOptions
from ragset.errors import UsageError, did_you_mean
from ragset.flow.compile import Flow, compile_flow, load_flow
from ragset.flow.running import Progress, Quiet
from ragset.schema.step import Tools
from ragset.settings import chroma_server, indexes_folder

if TYPE_CHECKING:
    from collections.abc import Generator

    from ragset.adapters.chroma_store import Index

T = TypeVar("T")

LIMITS = frozenset({"max_calls", "max_tokens", "max_cost"})
"""Options that say what a run may spend."""

Sources = str | Path | Sequence[str | Path]
"""One folder or file, or several."""


class IndexOptions(TypedDict, total=False):
    """Options of everything that touches an index.

    ``indexes`` is the folder of indexes (default ``RAGSET_INDEXES`` or ``./indexes``), ``chroma`` the URL of a Chroma
    server in place of a folder, ``embedder`` a model name (default ``minilm``), ``progress`` who is told.
    """

    indexes: str | Path | None
    chroma: str | None
    embedder: str | None
    progress: Progress | None


class IngestOptions(IndexOptions, total=False):
    """Options of ingest: which files, how they are cut, and the limits of parsing one (seconds, megabytes)."""

    include: Sequence[str]
    exclude: Sequence[str]
    chunk_tokens: int | None
    strategy_file: str | Path | None
    parse_timeout: float | None
    parse_memory: int | None


class FolderOptions(IndexOptions, total=False):
    """Options of everything that has a run folder: start anew (``force``), try failed draws again."""

    force: bool
    retry_failed: bool


class RunOptions(FolderOptions, ModelOptions, total=False):
    """Options of a run: ``seed``, the models, and the ``flow`` (name or file)."""

    seed: int
    flow: str | Path | None


class BuildOptions(RunOptions, IngestOptions, total=False):
    """Options of build: those of ingest and of a run, and the name of the ``index``."""

    index: str | None


class FlowOptions(FolderOptions, SpendingOptions, total=False):
    """Options of a flow that is run as it is: the ``index`` in place of the one it names, and what it may spend."""

    index: str | None


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; in a thread of its own when a loop already runs here, as in notebooks."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    begun: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = []

    async def tracked() -> T:
        begun.append((asyncio.get_running_loop(), cast("asyncio.Task[T]", asyncio.current_task())))
        return await work

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, tracked())
        try:
            return future.result()
        except KeyboardInterrupt:  # the notebook's stop button: stop paying, and keep what is finished
            for loop, task in begun:
                loop.call_soon_threadsafe(task.cancel)
            raise


def progress_of(options: IndexOptions) -> Progress:
    """Give the progress that was named, or a quiet one."""
    return options.get("progress") or Quiet()


@contextmanager
def opened(name: str, options: IndexOptions, *, create: bool = False) -> Generator[Index]:
    """Open an index with the embedder that was named, or its own, and close it."""
    from ragset.adapters.chroma_store import open_index
    from ragset.adapters.embedding import open_embedder

    embedder = options.get("embedder")
    index = open_index(
        indexes_folder(options.get("indexes")),
        name,
        server=chroma_server(options.get("chroma")),
        embedder=open_embedder(embedder) if embedder else None,
        create=create,
        say=progress_of(options).say,
    )
    with index:
        yield index


def check_options(options: Mapping[str, Any], kind: Any) -> None:
    """Refuse an option that does not exist, and a number that bounds nothing; raises ``UsageError``."""
    known = kind.__required_keys__ | kind.__optional_keys__
    for name, value in options.items():
        if name not in known:
            raise UsageError(f"unknown option '{name}'", hint=did_you_mean(name, known))
        if isinstance(value, SupportsFloat):
            _check_number(name, value)


def _check_number(name: str, value: SupportsFloat) -> None:
    """Refuse NaN, the infinities and what no float can hold (a budget compares with it), and a limit below 0."""
    try:
        number = float(value)
    except OverflowError:
        number = inf
    if not isfinite(number):
        raise UsageError(f"option '{name}' is not a finite number", hint="give one, or leave it out")
    if name in LIMITS and number < 0:
        raise UsageError(f"option '{name}' is below 0", hint="give 0 or more, or leave it out")


def source_list(sources: Sources) -> list[str]:
    """Give sources as text with absolute paths, ``NAME=`` kept, so that a flow runs the same from anywhere."""
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    if not given:
        raise UsageError("no source was named", hint="give a folder or a file")
    return [_absolute(str(source)) for source in given]


def _absolute(source: str) -> str:
    name, equals, path = source.partition("=")
    if equals and not os.path.lexists(source):
        return f"{name}={os.path.abspath(path)}"
    return os.path.abspath(source)


def tools_for(index: Index, progress: Progress, roles: Opened) -> Tools:
    """Give the steps what they work with."""
    extras = {"index": index, "paid": roles.paid.as_dict, "costing": roles.costing, "budget": roles.spending}
    return Tools(
        index,
        index.embedder,
        roles.models,
        say=progress.say,
        finished=roles.finished,
        abandoned=roles.abandoned,
        extras=extras,
    )


def sample_flow(options: RunOptions, index: str, n: int | None) -> Flow:
    """Give the flow of a run, with what the options say written into it."""
    flow = load_flow(options.get("flow") or "rag_qa").asking(n)
    if flow.find("scenarios") and "seed" in options:
        flow = flow.replace("scenarios", seed=options["seed"])
    data: dict[str, Any] = chosen(flow, options).dump() | {"index": index}
    if embedder := options.get("embedder"):
        data["embedder"] = embedder
    return compile_flow(data, str(options.get("flow") or "rag_qa"))
