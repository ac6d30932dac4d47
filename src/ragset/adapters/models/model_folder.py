"""A language model as files: where they lie on this machine, what they say of themselves, and which weights they are.

Nothing is downloaded: a name is a folder, or a repository that is in the local Hugging Face cache already. Only
safetensors are read (other weights are pickles, which run code), and never code that comes with a model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

from ragset.errors import MissingExtraError, ModelSetupError

BLOCKS, BLOCK = 64, 65_536
"""How many blocks of a weight file are hashed, and how many bytes each has: to read gigabytes would take seconds."""

_LENGTHS = ("max_position_embeddings", "n_positions", "max_sequence_length", "n_ctx", "seq_length", "max_seq_len")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder with a configuration and weights; ``context`` is how many tokens the model was made for, if it says."""

    name: str
    path: Path
    context: int | None

    @property
    def mark(self) -> str:
        """Hash of the configuration, and of samples of the weights: tells two models in one place apart."""
        mark = blake2b(digest_size=16)
        for file in sorted((*self.path.glob("*.json"), *self.path.glob("*.jinja"), *self.path.glob("*.safetensors"))):
            size = file.stat().st_size
            mark.update(f"{file.name} {size} ".encode())
            with file.open("rb") as stream:
                for at in range(0, size, max(BLOCK, size // BLOCKS)):
                    stream.seek(at)
                    mark.update(stream.read(BLOCK))
        return mark.hexdigest()


def find_model(name: str) -> ModelFolder:
    """Find a model on this machine; raises ``ModelSetupError`` that says how to get it, or what it lacks."""
    where = f"transformers:{name}"
    folder = Path(name).expanduser()
    path = folder if folder.is_dir() else _cached(name, where)
    config = _config(path, where)
    if not any(path.glob("*.safetensors")):
        what = f"no weights in the safetensors format are in {path.name}"
        raise ModelSetupError(what, where=where, hint="get the model in that format; others can run code when read")
    if config.get("auto_map") and not config.get("model_type"):
        raise ModelSetupError("the model needs code of its own, which is never run", where=where)
    return ModelFolder(name, path, _context(config))


def _cached(name: str, where: str) -> Path:
    """Find a repository in the local cache."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ModuleNotFoundError as error:
        raise MissingExtraError("huggingface_hub", "transformers") from error
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        hint = f"run: hf download {name}   (or name a folder that holds the model)"
    except (HFValidationError, ValueError, OSError):
        hint = "name a folder that holds the model, or a repository as owner/name"
    raise ModelSetupError("the model is not on this machine, and is not downloaded", where=where, hint=hint)


def _config(path: Path, where: str) -> dict[str, Any]:
    try:
        config: Any = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problem = "no readable config.json is" if isinstance(error, ValueError) else "no config.json is"
        raise ModelSetupError(f"{problem} in {path.name}", where=where, hint="name a folder with a model") from error
    if not isinstance(config, dict):
        raise ModelSetupError(f"config.json in {path.name} holds no object", where=where)
    return cast("dict[str, Any]", config)


def _context(config: dict[str, Any]) -> int | None:
    """Give the number of positions the model has; one that is made of several says it of its text part."""
    for part in (config, config.get("text_config")):
        given = cast("dict[str, Any]", part) if isinstance(part, dict) else {}
        for key in _LENGTHS:
            if isinstance(value := given.get(key), int) and value > 0:
                return value
    return None
