"""Which passages answer, said by rule: what a rehearsal replies to ``which_passages_answer`` where a model would."""

from __future__ import annotations

import re
from typing import Any

from ragset.kit.passage_rules import answers_as_well, evident_answer
from ragset.kit.rehearsed_text import Block, blocks_of, without_blocks
from ragset.schema.documents import Chunk
from ragset.schema.samples import QAPair

Json = dict[str, Any]

_TO_CHECK = re.compile(r"^Question (\d+), to be checked against passages? ([\d, ]+), marked", re.MULTILINE)


def passages_that_answer(prompt: str) -> list[Json]:
    """Give an entry for every question and passage that are to be checked."""
    blocks = blocks_of(prompt)
    passages = [block for block in blocks if block.label.startswith("Passage")]
    texts = {block.label: block.text for block in blocks}
    found: list[Json] = []
    for number, named in _TO_CHECK.findall(without_blocks(prompt)):
        reference = texts.get(f"Reference answer {number}")
        pair = QAPair(question=texts.get(f"Question {number}", ""), answer=reference, answerable=reference is not None)
        for at in map(int, re.findall(r"\d+", named)):
            entry = _entry(pair, passages[at - 1]) if at <= len(passages) else {}
            found.append({"question": int(number), "passage": at, "answers": "no", "quote": None, **entry})
    return found


def _entry(pair: QAPair, passage: Block) -> Json:
    chunk = _chunk(passage)
    proof = answers_as_well(pair, chunk).sure if pair.answerable else evident_answer(pair, chunk)
    return {"answers": "same", "quote": proof.quote} if proof else {}


def _chunk(block: Block) -> Chunk:
    text = block.body
    return Chunk(
        id="", document_id="", version="", title=block.said("Document"), text=text, start=0, end=len(text), ordinal=0,
        headings=tuple(heading for heading in block.said("Section").split(" > ") if heading),
    )  # fmt: skip
