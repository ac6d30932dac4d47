"""Putting flows together: the pieces that build, ingest and validate share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ragset.api.choosing import objects_of, trusted_by
from ragset.api.wiring import FlowOptions, IngestOptions, RunOptions
from ragset.flow.compile import Flow, compile_flow, load_flow
from ragset.schema.ids import digest
from ragset.settings import indexes_folder
from ragset.sources.files import Survey, survey


def index_name(corpora: Iterable[str]) -> str:
    """Derive an index name from corpus names; names that cannot be written in ASCII get a hash behind them."""
    names = sorted(corpora)
    plain = "-".join(names)
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "-" for char in plain.lower())
    short = safe[:50].strip("-_")
    return short if short == plain else "-".join(filter(None, [short, digest(names)[:6]]))


def surveyed(sources: Sequence[str], options: Mapping[str, Any], out: str | Path | None = None) -> Survey:
    """List the files of sources as the options filter them; what ragset itself writes there is no part of them."""
    apart = [indexes_folder(options.get("indexes")), *([Path(out)] if out else [])]
    return survey(sources, options.get("include") or (), options.get("exclude") or (), apart=apart)


def drawing_from(found: Survey, flow: Flow) -> Flow:
    """Let a flow draw from the documents of the sources alone, whatever else the index holds."""
    return flow.replace("scenarios", documents=_documents(found)) if flow.find("scenarios") else flow


def _documents(found: Survey) -> tuple[str, ...]:
    """Name documents: a folder's by its corpus, so that the set may grow with it; where some are left out, each."""
    filtered = {name.partition("/")[0] for name in found.filtered}
    whole = found.whole - filtered
    single = {file.document_id for file in found.files if file.corpus not in whole}
    return (*(f"{name}/" for name in sorted(whole)), *sorted(single))


_PARSE_LIMITS = {"parse_timeout": "timeout_s", "parse_memory": "memory_mb"}


def ingest_flow(sources: Sequence[str], index: str, options: IngestOptions) -> Flow:
    """Give the flow that brings an index up to date with sources."""
    given: dict[str, Any] = {key: value for key, value in options.items() if value}
    files = {key: tuple(given[key]) for key in ("include", "exclude") if key in given}
    split = {"max_tokens": given["chunk_tokens"]} if "chunk_tokens" in given else {}
    if "strategy_file" in given:
        split["strategy_file"] = str(Path(given["strategy_file"]).absolute())
    flow = load_flow("ingest").replace("files", sources=tuple(sources), **files)
    read = {field: given[key] for key, field in _PARSE_LIMITS.items() if key in given}
    flow = flow.replace("split", **split).replace("read", **read)
    return compile_flow(flow.dump() | {"index": index})


def dumped(steps: Sequence[Any]) -> list[dict[str, Any]]:
    """Give steps as the data that a flow is compiled from."""
    return [{step.name: step.model_dump(mode="json", exclude_none=True)} for step in steps]


def for_flow(options: RunOptions) -> FlowOptions:
    """Give what running the flow still needs: the rest is written into it, but for models that are objects."""
    given: dict[str, Any] = {**options, "objects": objects_of(options), "trusted": trusted_by(options)}
    names = (FlowOptions.__required_keys__ | FlowOptions.__optional_keys__) - {"index"}
    return cast("FlowOptions", {key: value for key, value in given.items() if key in names})
