"""Good pairs that the gates without a model lose: human pairs of the development sets, gate by gate (run with python).

``--reasons N`` prints N rejects of each gate to read; ``--embed`` adds vector search (a few minutes): round trip as
shipped, and near duplicates. Without it the round trip searches by words only, and says how much that alone would lose.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from memory_store import MemoryStore
from ragset.adapters.embedding import open_embedder
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.judges.answer_form import AnswerForm
from ragset.judges.evidence import EvidenceHolds
from ragset.judges.near_duplicates import NearDuplicates
from ragset.judges.privacy import Privacy
from ragset.judges.question_form import QuestionForm
from ragset.judges.round_trip import RoundTrip
from ragset.kit.judging import Judge
from ragset.schema.documents import Chunk, Document
from ragset.schema.samples import Context, Draw, Evidence, QAPair, Sample
from ragset.schema.step import Tools

DEV = Path(__file__).parents[3] / "shared" / "data" / "dev"
SETS = ("xquad_en", "clapnq", "qed_nq", "covidqa", "qgeval", "quizdesign", "simqg")
WINDOW = 1500

Row = dict[str, Any]


def rows_of(name: str) -> list[Row]:
    return [json.loads(line) for line in (DEV / f"{name}.jsonl").read_text("utf-8").splitlines()]


def contexts_of(name: str, rows: list[Row]) -> None:
    """Give each row of covidqa the part of its paper around the answer, cut at fixed places."""
    if name != "covidqa":
        return
    papers = {row["id"]: row["text"] for row in rows_of("covidqa_docs")}
    for row in rows:
        start = row["answer_start"] // WINDOW * WINDOW
        row["context"] = papers[row["doc"]][start : start + 2 * WINDOW]
        row["answer_start"] -= start


def answer_of(row: Row) -> str:
    return (row["gold"][0] if row.get("gold") else row.get("answer") or "").strip()


def spans_of(row: Row, answer: str) -> list[tuple[int, int]]:
    """Find the evidence: the marked sentences, the answer where it is said to begin, or where it stands as a word."""
    text = row["context"]
    marked = [quote for quote in row.get("evidence") or () if isinstance(quote, str) and quote in text]
    if marked:
        return [(text.index(quote), text.index(quote) + len(quote)) for quote in marked]
    start = row.get("answer_start", -1)
    if start < 0 or not text.startswith(answer, start):
        found = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text)
        start = found.start() if found and answer else -1
    return [(start, start + len(answer))] if start >= 0 else []


def sample_of(row: Row, documents: dict[str, tuple[Document, Chunk]]) -> Sample:
    text, answer = row["context"], answer_of(row)
    if text not in documents:
        key = f"c/{len(documents)}.txt"
        title = str((row.get("meta") or {}).get("title", "")) or key
        document = Document(
            id=key, corpus="c", path=key[2:], title=title, mime="text/plain", text=text, source_hash=key
        )
        at = {"start": 0, "end": len(text), "ordinal": 0}
        chunk = Chunk(
            id=Chunk.make_id(key, text, 0), document_id=key, version=document.version, title=title, text=text, **at
        )
        documents[text] = document, chunk
    document, chunk = documents[text]
    evidence = tuple(
        Evidence(document_id=document.id, version=document.version, start=start, end=end, quote=text[start:end])
        for start, end in spans_of(row, answer)
    )
    payload = QAPair(question=row["question"], answer=answer)
    own = {"contexts": (Context.of(chunk),), "evidence": evidence}
    return Sample(id=row["id"], scenario_id="s", payload=payload, axes={"language": "en"}, **own)


async def judged(step: Judge, samples: list[Sample], tools: Tools) -> list[Sample]:
    return [(await step.apply(Draw(number=at, samples=(s,)), tools)).samples[0] for at, s in enumerate(samples)]


async def twins(samples: list[Sample], tools: Tools) -> list[Sample]:
    step = NearDuplicates()
    gate, found = step.begin(tools), list[Sample]()
    for at, sample in enumerate(samples):
        draw = Draw(number=at, samples=(sample,))
        found += gate.feed(draw, await step.look(draw, tools)).samples
    return found


def gates(embed: bool, answers: bool) -> list[Judge]:
    form = [QuestionForm(), AnswerForm(), EvidenceHolds()] if answers else [QuestionForm()]
    return [*form, Privacy(), RoundTrip(found_by="either" if embed else "lexical")]


async def measure(name: str, options: argparse.Namespace) -> None:
    rows = [row for row in rows_of(name) if row["label"] == 1]
    contexts_of(name, rows)
    documents: dict[str, tuple[Document, Chunk]] = {}
    samples = [sample_of(row, documents) for row in rows]
    texts = [chunk.text for _, chunk in documents.values()]
    embedder = open_embedder("minilm") if options.embed else HashEmbedder()
    matrix = await embedder.embed(texts) if options.embed else np.zeros((len(texts), embedder.dimension), np.float32)
    chunks = {document.id: [chunk] for document, chunk in documents.values()}
    ids = sorted(chunks)
    order = [list(chunks).index(key) for key in ids]
    store = MemoryStore([document for document, _ in documents.values()], chunks, matrix[order])
    tools = Tools(_store=store, _embedder=embedder)
    lost, every = Counter[str](), set[str]()
    reasons: dict[str, list[str]] = defaultdict(list)
    seconds: dict[str, float] = {}
    answers = any(sample.payload.answer for sample in samples)
    found: dict[str, list[Sample]] = {}
    for step in gates(options.embed, answers):
        fit = [s for s in samples if s.evidence] if step.name == "evidence" else samples
        began = time.process_time()
        found[step.name] = await judged(step, fit, tools)
        seconds[step.name] = time.process_time() - began
    if options.embed:
        found["near_duplicates"] = await twins(samples, tools)
    for gate, judgements in found.items():
        for sample in judgements:
            if sample.status != "open":
                lost[gate] += 1
                every.add(sample.id)
                told = sample.verdicts[-1].reason if sample.verdicts else f"FAILED {sample.failure}"
                reasons[gate].append(
                    f"{told}\n      Q {sample.payload.question}\n      A {sample.payload.answer!r:.160}"
                )
    shares = "  ".join(f"{gate} {lost[gate] / len(samples):.1%}" for gate in found)
    ruled = {
        s.id
        for gate in found
        for s in found[gate]
        if gate not in ("round_trip", "near_duplicates") and s.status != "open"
    }
    print(f"{name:11} {len(samples):5} pairs  {shares}  | any of the rules {len(ruled) / len(samples):.1%}")
    print(
        "            pairs a CPU second: "
        + ", ".join(f"{g} {len(samples) / max(t, 1e-6):.0f}" for g, t in seconds.items())
    )
    for gate, told in reasons.items():
        for line in random.Random(0).sample(told, min(options.reasons, len(told))):
            print(f"   {gate}: {line}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("sets", nargs="*", default=SETS)
    options.add_argument("--reasons", type=int, default=0)
    options.add_argument("--embed", action="store_true")
    found = options.parse_args()
    for name in found.sets:
        asyncio.run(measure(name, found))


if __name__ == "__main__":
    main()
