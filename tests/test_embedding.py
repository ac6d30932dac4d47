"""Embedding models: lazy, verified, the same bytes for the same list."""

import subprocess
import sys

import numpy as np
import pytest

from ragset.adapters import embedding
from ragset.adapters.embedding import MINILM_SHA256, SentenceEmbedder, open_embedder
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.errors import RagsetError, UsageError
from ragset.schema.ports import Embedder

TEXTS = ["A ferry crosses the river.", "Copper", "", "The lantern " * 400, "Ein Obstgarten im Winter."] + [
    f"Sentence number {n} is about {'granite ' * (n % 7)}." for n in range(40)
]


def test_asking_for_tokens_and_fingerprint_imports_nothing_heavy():
    code = """if True:
        import sys
        from ragset.adapters.embedding import open_embedder
        model = open_embedder()
        assert "tokenizers" not in sys.modules
        assert model.max_tokens == 254 and model.dimension == 384 and model.count_tokens("hello world") == 2
        assert model.fingerprint
        for heavy in ("torch", "transformers", "sentence_transformers"):
            assert heavy not in sys.modules, heavy
    """
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_the_packaged_weights_are_the_published_ones(monkeypatch: pytest.MonkeyPatch):
    assert len(MINILM_SHA256) == 64
    assert open_embedder().fingerprint == open_embedder().fingerprint
    broken = SentenceEmbedder("minilm", embedding._packaged_minilm, sha256="0" * 64)
    with pytest.raises(RagsetError, match="not the published file"):
        _ = broken.fingerprint


def test_an_unknown_model_is_refused_in_one_line():
    with pytest.raises(UsageError, match="no embedding model 'nobody/nothing' here"):
        _ = open_embedder("nobody/nothing").fingerprint


async def test_minilm_gives_what_sentence_transformers_gives():
    from sentence_transformers import SentenceTransformer

    model = open_embedder()
    assert isinstance(model, Embedder)
    first, second = await model.embed(TEXTS), await model.embed(TEXTS)
    assert first.dtype == np.float32
    assert first.shape == (len(TEXTS), 384)
    assert first.tobytes() == second.tobytes()
    plain = SentenceTransformer(str(embedding._packaged_minilm()), device="cpu")
    wanted = plain.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(first - wanted).max() < 1e-5
    assert np.abs((await model.embed(TEXTS[::-1]))[::-1] - first).max() < 1e-5
    assert (await model.embed([])).shape == (0, 384)


async def test_the_traced_graph_gives_the_same_bytes_for_every_length_and_padding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["tide", "the tides of the bay rise by twelve metres", "a longer text about the sea. " * 30, "x y"]
    batches = [texts, texts[:1], texts[1:2], texts[::2], texts[1:3], [texts[2]] * 16]
    traced = [await open_embedder().embed(batch) for batch in batches]
    monkeypatch.setattr(embedding, "_trace", lambda model: None)
    plain = open_embedder()
    for batch, vectors in zip(batches, traced, strict=True):
        assert vectors.tobytes() == (await plain.embed(batch)).tobytes()


async def test_hash_embedder_is_deterministic_and_brings_like_texts_together():
    model = HashEmbedder()
    assert isinstance(model, Embedder)
    vectors = await model.embed(["the red ferry", "a red ferry", "granite meadow", "", "\ud800"])
    assert np.allclose((vectors * vectors).sum(axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert (await model.embed(["the red ferry"]))[0].tobytes() == vectors[0].tobytes()
    assert (await model.embed([])).shape == (0, 256)
    assert HashEmbedder(8).fingerprint != model.fingerprint
