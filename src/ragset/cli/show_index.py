"""Indexes, what ingest did to them, and what a search finds."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ragset.cli.terminal import one_line, out, plural, table

if TYPE_CHECKING:
    from ragset.schema.ports import Hit


def show_ingest(result: dict[str, Any]) -> None:
    """Print what ingest did, and one line for each file that could not be read."""
    documents, chunks = result["documents"], result["chunks"]
    kinds = ("added", "changed", "unchanged", "removed")
    counts = ", ".join(f"{documents[kind]:,} {kind}" for kind in kinds)
    out(f"index {one_line(result['index'])}: {counts}, {len(documents['failed']):,} failed")
    out(f"{plural(chunks['total'], 'chunk')}, {chunks['embedded']:,} embedded now")
    show_failed(documents["failed"])


def show_failed(failed: Sequence[dict[str, str]]) -> None:
    """Print one line for each file that could not be read."""
    if not failed:
        return
    out()
    out(f"not read: {plural(len(failed), 'file')}")
    for item in failed:
        out(f"  {one_line(item['path'])}: {one_line(item['reason'])}")


def show_hits(hits: Sequence[Hit]) -> None:
    """Print the chunks that a search found, best first."""
    width = shutil.get_terminal_size((100, 24)).columns - 4
    for rank, hit in enumerate(hits, 1):
        chunk = hit.chunk
        page = f", page {chunk.page}" if chunk.page is not None else ""
        place = f" > {' > '.join(chunk.headings)}" if chunk.headings else ""
        out(f"{rank}. {hit.score:.4f}  {one_line(chunk.document_id + page + place)}")
        for line in wrap(one_line(chunk.text), max(width, 20), max_lines=4, placeholder=" …"):
            out(f"    {line}")
    if not hits:
        out("nothing found: the index is empty")


def hit_as_dict(hit: Hit) -> dict[str, Any]:
    """Give a hit as plain data: the chunk and its score."""
    return {"score": round(hit.score, 4), **hit.chunk.model_dump(mode="json")}


def show_list(found: Sequence[Mapping[str, Any]]) -> None:
    """Print one line an index."""
    rows = [(i["name"], i["documents"], i["chunks"], _embedder(i), ", ".join(i["corpora"])) for i in found]
    if rows:
        table([("index", "documents", "chunks", "embedder", "corpora"), *rows], indent="")
    else:
        out("no index here; make one: ragset ingest SOURCE --index NAME")
    for item in found:
        if "problem" in item:
            out(f"cannot be read: {one_line(item['problem'])}")


def show_one(found: Mapping[str, Any]) -> None:
    """Print what one index holds."""
    out(
        f"index {one_line(found['name'])}: {plural(found['documents'], 'document')}, {plural(found['chunks'], 'chunk')}"
    )
    out(f"embedder: {one_line(_embedder(found))}")
    table((f"corpus {name}", plural(about["documents"], "document"), about["root"]) for name, about in _corpora(found))


def _embedder(found: Mapping[str, Any]) -> str:
    return str(found["embedder"].get("name", "none yet"))


def _corpora(found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return sorted(found["corpora"].items())
