"""Pairs as samples of an index: contexts, evidence and the truth that the judges must not see."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from defects.pairs import Pair
from ragset import api
from ragset.api.wiring import opened
from ragset.kit.lines import dump_line
from ragset.schema.ids import digest
from ragset.schema.samples import Context, Evidence, QAPair, Sample

SIBLINGS = 3
"""Pairs a writer call."""


def drawn(pool: Sequence[Pair]) -> list[list[Pair]]:
    """Group the pairs of a document by threes, as one call of a writer gives them; what is left over is left out."""
    of: dict[str, list[Pair]] = defaultdict(list)
    for pair in pool:
        of[pair.quotes[0][0]].append(pair)
    found = (pairs[at : at + SIBLINGS] for pairs in of.values() for at in range(0, len(pairs), SIBLINGS))
    return [pairs for pairs in found if len(pairs) == SIBLINGS]


def write_samples(draws: Iterable[Sequence[Pair]], index: str, indexes: Path, to: Path) -> dict[str, Pair]:
    """Write the pairs as ``samples.jsonl``; gives the pair of every sample id."""
    truth: dict[str, Pair] = {}
    with opened(index, {"indexes": str(indexes)}) as store, to.open("w", encoding="utf-8") as file:
        names = {name.rsplit("/", 1)[-1]: name for name in store.document_ids()}
        for number, pairs in enumerate(draws):
            for at, pair in enumerate(pairs):
                sample = _sample(pair, (number, at), store, names)
                truth[sample.id] = pair
                file.write(dump_line(sample) + "\n")
    return truth


def _sample(pair: Pair, place: tuple[int, int], store: Any, names: dict[str, str]) -> Sample:
    contexts: dict[str, Context] = {}
    evidence: list[Evidence] = []
    for file, quote in pair.quotes:
        document = store.document(names[file])
        start = document.text.index(quote)
        end = start + len(quote)
        holds = (c for c in store.chunks(document.id) if not quote or c.start <= start < end <= c.end)
        chunk = next(holds)
        contexts.setdefault(chunk.id, Context.of(chunk))
        if quote:
            evidence.append(
                Evidence(document_id=document.id, version=document.version, start=start, end=end, quote=quote)
            )
    return Sample(
        id=digest("planted", place),
        scenario_id=digest("planted draw", place[0]),
        payload=QAPair(question=pair.question, answer=pair.answer, answerable=pair.answerable),
        contexts=tuple(contexts.values()),
        evidence=tuple(evidence),
        question_type=pair.kind,
        axes={"language": "en"},
        provenance={"writer": "planted"},
    )


def outcomes(run: Path) -> Iterator[tuple[str, str, str]]:
    """Give sample id, status and the judge that rejected it, of every sample of a run."""
    for name in ("kept.jsonl", "rejected.jsonl"):
        for line in (run / name).read_text("utf-8").splitlines():
            data = json.loads(line)
            yield data["id"], data["status"], str(data.get("rejected_by", ""))


def ingest(folder: Path, index: str, indexes: Path) -> None:
    """Fill the index."""
    api.ingest([str(folder)], index, indexes=str(indexes))
