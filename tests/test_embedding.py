"""Embedding models: lazy, verified, the same bytes for the same list."""

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

from ragset.adapters import embedding
from ragset.adapters.embedding import MINILM_SHA256, SentenceEmbedder, open_embedder
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.minilm import _Graph, load_minilm
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
    model = open_embedder()
    assert isinstance(model, Embedder)
    first, second = await model.embed(TEXTS), await model.embed(TEXTS)
    assert first.dtype == np.float32
    assert first.shape == (len(TEXTS), 384)
    assert first.tobytes() == second.tobytes()
    wanted = await open_embedder(str(embedding._packaged_minilm())).embed(TEXTS)  # any folder is read by the library
    assert wanted.dtype == np.float32
    assert np.abs(first - wanted).max() < 1e-6
    assert np.abs((await model.embed(TEXTS[::-1]))[::-1] - first).max() < 1e-5
    assert (await model.embed([])).shape == (0, 384)


def test_the_graph_uses_all_weights_and_gives_the_same_bytes_with_any_number_of_threads() -> None:
    folder = embedding._packaged_minilm()
    encode = load_minilm(folder)
    texts = ["tide", "the tides of the bay rise by twelve metres", "a longer text about the sea. " * 30, "x y", ""]
    for batch in (texts, texts[:1], texts[1:2], texts[::2], texts[1:3], [texts[2]] * 16):
        assert encode(batch, 1).tobytes() == encode(batch, 4).tobytes()
    found = load_file(folder / "model.safetensors")
    graph = _Graph(found, json.loads((folder / "config.json").read_text("utf-8")))
    graph.encoder()
    sizes = sum(array.size for name, array in found.items() if name.split(".")[0] != "pooler")
    assert sum(array.size for array in graph.weights.values()) == sizes - found["embeddings.position_ids"].size


def test_the_packaged_model_needs_no_torch() -> None:
    code = """if True:
        import asyncio, sys
        from ragset.adapters.embedding import open_embedder
        vectors = asyncio.run(open_embedder().embed(["a ferry", "copper"]))
        assert vectors.shape == (2, 384)
        for heavy in ("torch", "transformers", "sentence_transformers"):
            assert heavy not in sys.modules, heavy
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


async def test_hash_embedder_is_deterministic_and_brings_like_texts_together():
    model = HashEmbedder()
    assert isinstance(model, Embedder)
    vectors = await model.embed(["the red ferry", "a red ferry", "granite meadow", "", "\ud800"])
    assert np.allclose((vectors * vectors).sum(axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert (await model.embed(["the red ferry"]))[0].tobytes() == vectors[0].tobytes()
    assert (await model.embed([])).shape == (0, 256)
    assert HashEmbedder(8).fingerprint != model.fingerprint
