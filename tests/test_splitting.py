"""Splitting: exact offsets, nothing above the limit, structure kept."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragset.adapters.embedding import open_embedder
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.splitting import CHARS_PER_TOKEN, SplitOptions, Strategy, split_document, strategy_for
from ragset.errors import DocumentError, FlowError, UsageError
from ragset.schema.documents import Block, Chunk, Document, Heading, Page, SourceFile
from ragset.schema.samples import Intake
from ragset.schema.step import Tools
from ragset.sources.split import Split

count = HashEmbedder().count_tokens
SENTENCE = "The ferry to the northern harbour leaves at noon and takes forty minutes."


def doc(parts: list[tuple[str, str]] | str, **more) -> Document:
    """Build a document of (kind, text) parts; a heading's kind is ``h1`` to ``h6``."""
    text, headings, blocks = "", [], []
    for kind, part in [("raw", parts)] if isinstance(parts, str) else parts:
        start = len(text)
        text += part
        if kind[0] == "h":
            headings.append(Heading(start=start, level=int(kind[1]), text=part))
            kind = "heading"
        if kind != "raw":
            blocks.append(Block(kind=kind, start=start, end=len(text)))  # type: ignore[arg-type]
            text += "\n\n"
    values = {"headings": tuple(headings), "blocks": tuple(blocks)} | more
    return Document(
        id="c/f/a.md", corpus="c", path="f/a.md", title="T", mime="text/plain", text=text, source_hash="s", **values
    )


def cut(document: Document, size: int = 60, strategy: Strategy | None = None) -> list[Chunk]:
    chunks = split_document(document, SplitOptions(size, strategy), count)
    for at, chunk in enumerate(chunks):
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert count(chunk.text) <= size
        assert len(chunk.text) <= size * CHARS_PER_TOKEN
        assert chunk.ordinal == at
        assert chunk.text.strip() == chunk.text
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    return chunks


messy = st.text(st.sampled_from("ab .:!?\n\n\n\t-|#漢é😀\u00a0\u200b\r1"), max_size=800) | st.text(max_size=300)


@settings(max_examples=150, deadline=None)
@given(messy, st.lists(st.tuples(st.integers(0, 800), st.integers(0, 200)), max_size=6), st.integers(8, 40))
def test_offsets_are_exact_and_every_word_is_kept(text: str, spans: list[tuple[int, int]], size: int):
    kinds = ["paragraph", "list", "table", "code"]
    blocks = tuple(
        Block(kind=kinds[n % 4], start=min(s, len(text)), end=min(s + length, len(text)))  # type: ignore[arg-type]
        for n, (s, length) in enumerate(spans)
    )
    document = doc(text, blocks=blocks)
    chunks = cut(document, size)
    held = {at for chunk in chunks for at in range(chunk.start, chunk.end)}
    assert all(at in held for at, sign in enumerate(text) if sign.isalnum())
    assert all(a.end <= b.start for a, b in pairwise(chunks))


@settings(max_examples=100, deadline=None)
@given(messy, st.integers(1, 30), st.integers(0, 10))
def test_words_and_overlap_of_a_strategy(text: str, words: int, overlap: int):
    strategy = Strategy(max_words=words, overlap=min(overlap, words - 1))
    chunks = cut(doc(text), 60, strategy)
    assert all(len(chunk.text.split()) <= words for chunk in chunks)
    assert all(a.end <= b.start or b.start > a.start for a, b in pairwise(chunks))


def test_overlap_starts_with_the_last_words_before():
    text = " ".join(f"w{n}" + ("." if n % 7 == 6 else "") for n in range(400))
    chunks = cut(doc(text), 254, Strategy(max_words=50, overlap=10))
    for before, after in pairwise(chunks):
        shared = [w for w in after.text.split() if w in before.text.split()]
        assert 1 <= len(shared) <= 10
        assert before.text.split()[-len(shared) :] == after.text.split()[: len(shared)] == shared
    assert max(len(c.text.split()) for c in cut(doc(text), 999, Strategy(max_words=200))) > 190


@pytest.mark.parametrize("text", ["x" * 200_000, "漢字仮名" * 20_000, "a,b" * 60_000, "word " * 40_000, "é\n" * 50_000])
def test_huge_lines_are_bounded(text: str):
    begun = time.perf_counter()
    model = open_embedder()
    chunks = split_document(doc(text), SplitOptions(254), model.count_tokens)
    assert sum(c.end - c.start for c in chunks) > len(text) * 0.7
    assert max(model.count_tokens(c.text) for c in chunks) <= 254
    assert time.perf_counter() - begun < 60


def test_sections_stay_apart_and_small_ones_are_joined():
    long = " ".join([SENTENCE] * 3)
    document = doc(
        [("h1", "Guide"), ("paragraph", long), ("h2", "Ferries"), ("paragraph", long)]
        + [(k, v) for n in range(3) for k, v in (("h2", f"Tiny {n}"), ("paragraph", f"Only {n}."))]
    )
    chunks = cut(document, 60)
    assert [c.headings for c in chunks] == [("Guide",), ("Guide", "Ferries"), ("Guide", "Tiny 0")] or len(chunks) == 2
    assert chunks[0].text == long
    assert "Guide" not in chunks[0].text
    assert chunks[-1].text.endswith("Only 2.")


def test_a_heading_alone_is_text():
    assert [c.text for c in cut(doc([("h1", "Nothing below")]))] == ["Nothing below"]


def test_lists_tables_and_code_stay_whole_with_their_lead_in():
    items = "\n".join(f"- item {n}" for n in range(8))
    filler = " ".join([SENTENCE] * 3)
    chunks = cut(doc([("paragraph", filler), ("paragraph", "You need:"), ("list", items), ("paragraph", filler)]), 60)
    assert f"You need:\n\n{items}" in [c.text for c in chunks]


def test_long_tables_and_code_are_cut_between_lines():
    rows = [f"| ferry {n} | harbour {n} | {n} minutes |" for n in range(40)]
    chunks = cut(doc([("table", "\n".join(rows))]), 60)
    assert [row for c in chunks for row in c.text.split("\n")] == rows
    code = [f"    call(argument_{n}, {n})" for n in range(40)]
    lines = [line.strip() for c in cut(doc([("code", "\n".join(code))]), 60) for line in c.text.split("\n")]
    assert lines == [line.strip() for line in code]


def test_long_paragraphs_are_cut_between_sentences():
    chunks = cut(doc([("paragraph", " ".join([SENTENCE] * 12))]), 60)
    assert all(c.text.endswith(".") and c.text.startswith("The") for c in chunks)
    assert len({c.id for c in chunks}) == len(chunks)


def test_pages_and_ids():
    document = doc([("paragraph", " ".join([SENTENCE] * 3)), ("paragraph", " ".join([SENTENCE] * 4))])
    paged = document.model_copy(update={"pages": (Page(start=0, number=1), Page(start=200, number=2))})
    assert [c.page for c in cut(paged)] == [1, 2]
    longer = doc([("paragraph", "A new opening sentence stands here. " * 4), ("paragraph", " ".join([SENTENCE] * 4))])
    assert {c.id for c in cut(document)} & {c.id for c in cut(longer)}


def test_strategies_are_found_and_bad_ones_refused(tmp_path: Path):
    strategy = Strategy(max_words=5)
    for key in ("c/f/a.md", "f/a.md"):
        assert strategy_for(doc("x"), {key: strategy}) == strategy
    assert strategy_for(doc("x"), {"g/a.md": strategy}) is None
    path = tmp_path / "chunk-strategy.json"
    path.write_text(json.dumps({"f/a.md": {"max_words": 50, "overlap": 0, "separator": "(?<=[.!?])\\s+"}}))
    Split(strategy_file=str(path)).check()
    for wrong in (
        '{"a": {"separator": "("}}',
        '{"a": {"words": 3}}',
        "[]",
        "{",
        '{"a": {"max_words": 3, "overlap": 3}}',
    ):
        path.write_text(wrong)
        with pytest.raises(FlowError) as caught:
            Split(strategy_file=str(path)).check()
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError):
        cut(doc("a b"), 60, Strategy(separator="["))


def test_a_separator_that_never_ends_fails_its_file_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ragset.adapters.word_splitting.PATTERN_SECONDS", 0.2)
    with pytest.raises(DocumentError, match="takes too long"):
        cut(doc("a" * 5000 + "!"), 60, Strategy(separator="(a|a)*$|(a|aa)+c"))


def test_sentences_of_a_word_are_cut_in_linear_time():
    calls = 0

    def counted(text: str) -> int:
        nonlocal calls
        calls += 1
        return count(text)

    chunks = split_document(doc("A. " * 60_000), SplitOptions(254), counted)
    assert calls < 10 * len(chunks)
    assert sum(len(chunk.text.split()) for chunk in chunks) == 60_000


async def test_a_document_of_too_many_chunks_fails_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ragset.adapters.splitting.MOST_CHUNKS", 50)
    many = doc("\n\n".join(f"Line {n}." for n in range(51)))
    with pytest.raises(DocumentError, match="makes more than 50 chunks; split the file"):
        split_document(many, SplitOptions(60), count)
    with pytest.raises(DocumentError, match="makes more than 50 chunks"):
        split_document(doc("word " * 2000), SplitOptions(8), count)
    file = SourceFile(corpus="c", root="/c", path="f/a.md", absolute="/c/f/a.md", size=1)
    item = await Split().apply(Intake(number=0, file=file, document=many), Tools(_embedder=HashEmbedder()))
    assert item.document is None
    assert item.failure is not None
    assert "split the file" in item.failure.message
