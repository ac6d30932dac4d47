"""Runs the ingest steps by hand over made-up documents; also a program whose ingests a test can kill.

As a program it imports everything once, then reads lines ``ROOT COUNT EDITION``; for each it forks a child that ingests
with the hash embedder into ``ROOT/one``, writes the child's process id, and when it has ended, its exit status.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from ragset.adapters.chroma_store import Index, open_index
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.schema.documents import Block, Document, Heading, SourceFile
from ragset.schema.ids import digest
from ragset.schema.samples import Failure, Intake
from ragset.schema.step import Tools
from ragset.sources.embed import Embed
from ragset.sources.index import IndexStep
from ragset.sources.split import Split

WORDS = ("river", "stone", "copper", "lantern", "harbour", "meadow", "signal", "granite", "orchard", "winter", "ferry")


def make_text(seed: int, paragraphs: int = 6) -> str:
    random = Random(seed)
    return "\n\n".join(
        " ".join(
            " ".join([random.choice(WORDS).title(), *random.choices(WORDS, k=random.randint(5, 14)), f"{seed}-{n}-{s}"])
            + "."
            for s in range(random.randint(2, 9))
        )
        for n in range(paragraphs)
    )


def make_document(path: str, text: str, corpus: str = "c") -> Document:
    return Document(
        id=f"{corpus}/{path}",
        corpus=corpus,
        path=path,
        title=path,
        mime="text/plain",
        text=text,
        source_hash=digest(text),
        headings=(Heading(start=0, level=1, text=text[:5]),) if text.startswith("#") else (),
        blocks=(Block(kind="paragraph", start=0, end=text.find("\n\n")),) if "\n\n" in text else (),
    )


def intakes(texts: Mapping[str, str | None], known: Mapping[str, str], corpus: str = "c") -> list[Intake]:
    """None as text stands for a file that cannot be read."""
    found: list[Intake] = []
    for number, (path, text) in enumerate(sorted(texts.items())):
        file = SourceFile(corpus=corpus, root=f"/{corpus}", path=path, absolute=f"/{corpus}/{path}", size=1)
        if text is None:
            failure = Failure(step="read", error="DocumentError", message="broken")
            found.append(Intake(number=number, file=file, failure=failure))
            continue
        document = make_document(path, text, corpus)
        if known.get(document.id) == document.source_hash:
            found.append(Intake(number=number, file=file, state="unchanged"))
        else:
            state: Any = "changed" if document.id in known else "new"
            found.append(Intake(number=number, file=file, state=state, document=document))
    return found


async def ingest(
    index: Index, texts: Mapping[str, str | None], *, corpus: str = "c", split: Split | None = None
) -> dict[str, Any]:
    """Take the texts through split, embed and index; give the summary."""
    with index.writing({corpus: f"/{corpus}"}):
        tools = Tools(_embedder=index.embedder, extras={"index": index})
        folding: Any = IndexStep().begin(tools)
        for item in intakes(texts, index.known_sources(), corpus):
            for step in () if item.failure else (split or Split(), Embed()):
                item = await step.apply(item, tools)
            folding.feed(item, None)
        await folding.finish()
    return tools.extras["ingest"]


def edition(count: int, number: int) -> dict[str, str | None]:
    """Documents of an edition: the second one changes every third, drops one and adds one."""
    texts: dict[str, str | None] = {f"d{n:02}.txt": make_text(n) for n in range(count)}
    if number == 2:
        texts |= {f"d{n:02}.txt": make_text(n) + "\n\n" + make_text(1000 + n, 1) for n in range(0, count, 3)}
        del texts["d01.txt"]
        texts["new.txt"] = make_text(999)
    return texts


def serve() -> None:
    import chromadb.api.rust
    import pyarrow.parquet

    assert chromadb.api.rust
    assert pyarrow.parquet
    for line in sys.stdin:
        root, count, number = line.split()
        child = os.fork()
        if child == 0:
            index = open_index(Path(root), "one", embedder=HashEmbedder(), create=True)
            asyncio.run(ingest(index, edition(int(count), int(number))))
            os._exit(0)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    serve()
