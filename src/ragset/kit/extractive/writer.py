"""The built-in writer: verbatim answers with their spans, questions by rule; no model, no key, no network."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from threading import Lock

from ragset.kit.extractive.anchors import product_of, setting_of
from ragset.kit.extractive.families import FAMILIES
from ragset.kit.extractive.scene import Candidate, Scene
from ragset.kit.extractive.sentences import Span
from ragset.kit.extractive.text_filters import boilerplate, is_english, is_table_text
from ragset.kit.question_form import problems
from ragset.schema.documents import Chunk, Document
from ragset.schema.ids import digest
from ragset.schema.ports import ChunkStore
from ragset.schema.samples import Context, Evidence, QAPair, Sample, Scenario

RULES = "3"
"""Version of the rules, shown in provenance; the writer's fingerprint hashes the rules themselves too."""

PER_CHUNK = 2
RICH_PER_CHUNK = 3
_RICH = frozenset(["table_cell", "option", "abbreviation"])
_PER_FAMILY = {"abbreviation": 1, "section": 1, "fact": 2}
_WHOLE = frozenset(["section", "table_cell", "option", "listing"])
_PHRASES = frozenset(["definition", "manner", "object", "attribute", "fact", "purpose"])
_RUN_ON = re.compile(
    r",? (?:and|but) [^,;]{3,45}? (?:shall|must|may|should|will)\b"
    r"|, and (?:(?:the|an?) )?(?:[\w-]+ ){0,4}(?:is|are|has|have|stands)\b"
    r"|, (?:(?:the|an?) )?[\w`.-]+ (?:gives|is|are|has|makes|takes|tells|shows)\b"
)
_DEMONSTRATIVE = re.compile(r"\bsuch (?!as\b|a\b)|\b(?:this|these|aforementioned|thereof|therein)\b", re.IGNORECASE)
_LEANING = re.compile(r"\b(?:instead|too|as well|your own|yourself|again|also)\.?$", re.IGNORECASE)
_PRODUCT_SAMPLE = 40
_CACHED_CHUNKS = 512


@lru_cache(maxsize=1)
def _rule_hash() -> str:
    """Hash the rule files, so that a changed rule gives other sample ids even if nobody raised the version."""
    folder = files("ragset.kit.extractive")
    parts = [*folder.iterdir(), *folder.joinpath("families").iterdir()]
    rules = sorted((p.name, p.read_text(encoding="utf-8")) for p in parts if p.name.endswith((".py", ".txt")))
    return digest(rules)


def candidates(chunk: Chunk, document: Document | None = None, *, product: str = "") -> list[Candidate]:
    """Give the chunk's pairs, best first, at most one a sentence; none for text that is not English prose or tables.

    ``product`` is the name that all documents of the corpus share (:func:`~.anchors.product_of`).
    """
    text = chunk.text
    if boilerplate(text) or not (is_english(text) or ("|" in text and is_table_text(text))):
        return []
    scene = Scene(chunk, setting_of(chunk, document, product), document)
    found = [c for family in FAMILIES for c in family(scene)]
    good = [c for c in map(_clipped, found) if not _loose(c) and not problems(c.question, c.answer.text)]
    return _best(good)


def _clipped(candidate: Candidate) -> Candidate:
    """Cut a phrase off where a new clause begins: "on the ice, and each player has …" → "on the ice"."""
    answer = candidate.answer
    run_on = _RUN_ON.search(answer.text) if candidate.family in _PHRASES else None
    if run_on is None or answer.text[run_on.start()] != "," or len(answer.text[: run_on.start()].split()) < 4:
        return candidate
    return replace(candidate, answer=answer.part(0, run_on.start()))


def _loose(candidate: Candidate) -> bool:
    """Tell whether a short answer leans on text before it: "such payments", "these forms"."""
    text = candidate.answer.text
    if candidate.family in _WHOLE:
        return False
    if _LEANING.search(text):
        return True
    return bool(_DEMONSTRATIVE.search(text)) or (candidate.family in _PHRASES and bool(_RUN_ON.search(text)))


def _best(found: list[Candidate]) -> list[Candidate]:
    ranked = sorted(found, key=lambda c: (-c.score, c.answer.start, c.question))
    kept: list[Candidate] = []
    families: Counter[str] = Counter()
    limit = RICH_PER_CHUNK if sum(c.family in _RICH for c in found) >= RICH_PER_CHUNK else PER_CHUNK
    for candidate in ranked:
        if len(kept) == limit:
            break
        full = families[candidate.family] >= _PER_FAMILY.get(candidate.family, limit)
        if full or any(_same(candidate, other) for other in kept):
            continue
        families[candidate.family] += 1
        kept.append(candidate)
    return kept


def _same(one: Candidate, other: Candidate) -> bool:
    overlap = one.support.start < other.support.end and other.support.start < one.support.end
    return overlap or one.question == other.question


class ExtractiveWriter:
    """Writes the ``scenario.repeat``-th candidate of the scenario's chunk; an exhausted chunk gives none."""

    name = "extractive"

    def __init__(self) -> None:
        """Start with an empty cache; candidates are pure, so that it only saves time."""
        self._cache: OrderedDict[tuple[str, str, str], list[Candidate]] = OrderedDict()
        self._products: dict[tuple[str, str], str] = {}
        self._lock = Lock()

    @property
    def fingerprint(self) -> str:
        """Hash of the writer's name, its rules' version, and the text of the rules themselves."""
        return digest("writer", self.name, RULES, _rule_hash())

    async def write(self, scenario: Scenario, store: ChunkStore) -> list[Sample]:
        """Write none or one sample grounded in the scenario's first chunk; rules run off the loop."""
        if not scenario.chunks:
            return []
        chunk = scenario.chunks[0]
        found = await asyncio.to_thread(self._candidates, chunk, store)
        if scenario.repeat >= len(found):
            return []
        return [self._sample(scenario, chunk, found[scenario.repeat])]

    def _candidates(self, chunk: Chunk, store: ChunkStore) -> list[Candidate]:
        document = store.document(chunk.document_id)
        product = self._product(chunk.document_id, store)
        key = (chunk.id, chunk.version, product)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        found = candidates(chunk, document, product=product)
        with self._lock:
            self._cache[key] = found
            while len(self._cache) > _CACHED_CHUNKS:
                self._cache.popitem(last=False)
        return found

    def _product(self, document_id: str, store: ChunkStore) -> str:
        """Find the name a corpus shares, from evenly spread documents; once for each state of the index."""
        corpus = document_id.split("/", 1)[0]
        key = (store.version, corpus)
        with self._lock:
            if key not in self._products:
                own = [d for d in store.document_ids() if d.split("/", 1)[0] == corpus]
                self._products[key] = product_of(_texts(_spread(own, _PRODUCT_SAMPLE), store.document))
            return self._products[key]

    def _sample(self, scenario: Scenario, chunk: Chunk, found: Candidate) -> Sample:
        return Sample(
            id=Sample.make_id(scenario.id, self.fingerprint, 0),
            scenario_id=scenario.id,
            payload=QAPair(question=found.question, answer=found.answer.text),
            contexts=(Context.of(chunk),),
            evidence=_evidence(chunk, found),
            question_type=found.family,
            provenance={
                "writer": self.name,
                "rules": RULES,
                "template": found.family,
                "anchor": found.anchor,
                "chunk_id": chunk.id,
            },
        )


def _evidence(chunk: Chunk, found: Candidate) -> tuple[Evidence, ...]:
    """Point at the answer, and at the sentence or row that supports it when that says more."""
    spans: list[Span] = [found.answer]
    if (found.support.start, found.support.end) != (found.answer.start, found.answer.end):
        spans.append(found.support)
    return tuple(
        Evidence(
            document_id=chunk.document_id,
            version=chunk.version,
            start=chunk.start + span.start,
            end=chunk.start + span.end,
            quote=span.text,
        )
        for span in spans
    )


def _spread(items: list[str], count: int) -> list[str]:
    step = max(1, len(items) / count)
    return [items[int(i * step)] for i in range(min(count, len(items)))]


def _texts(ids: Iterable[str], document: Callable[[str], Document | None]) -> list[str]:
    found = [document(i) for i in ids]
    return [d.text for d in found if d is not None]
