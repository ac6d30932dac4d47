"""The packaged all-MiniLM-L6-v2 on ONNX Runtime: no torch to load, and Python's lock is given back for a whole batch.

The model is a BERT encoder (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) with mean pooling and unit length
(Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084). Its graph is written here in the operators of ONNX and
of ``com.microsoft`` (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md) and takes its weights
from the published safetensors file as they are. Against sentence-transformers the vectors differ by less than 1e-6, for
a draw's questions they take two thirds of the processor, and the first one is there after half a second instead of six.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ragset.schema.ports import FloatArray

Encode = Callable[[list[str], int], "FloatArray"]
"""Embeds a batch with so many threads: float32, shape (texts, dimension), L2-normalised."""

_FUSED = "com.microsoft"
_OPSET, _IR = 17, 8
"""The versions of the format the graph is written in."""


def load_minilm(folder: Path) -> Encode:
    """Load the model in ``folder`` (config.json, model.safetensors, tokenizer.json) and give what embeds a batch.

    The bytes of a vector depend on the texts of its batch (their padding), not on the number of threads.
    """
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"])
    tokenizer.enable_padding()
    graph = _Graph(load_file(folder / "model.safetensors"), json.loads((folder / "config.json").read_text("utf-8")))
    encoder, weights = graph.encoder(), graph.weights
    del graph  # the weights as they were read

    @lru_cache(maxsize=2)
    def session(threads: int) -> Any:
        return _session(encoder, weights, threads)

    def encode(batch: list[str], threads: int) -> FloatArray:
        tokens = tokenizer.encode_batch(batch)
        ids = np.array([each.ids for each in tokens], dtype=np.int32)
        mask = np.array([each.attention_mask for each in tokens], dtype=np.int32)
        (hidden,) = session(threads).run(None, {"ids": ids, "types": np.zeros_like(ids), "mask": mask})
        total = np.einsum("bth,bt->bh", hidden, mask.astype(np.float32))  # of means only the direction is kept
        return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True), dtype=np.float32)

    return encode


def _session(encoder: bytes, weights: Mapping[str, Any], threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_mem_pattern = False  # a plan would be kept for every shape that ever came
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the loop needs the cores as well
    options.log_severity_level = 3
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
    options.add_external_initializers(list(weights), values)
    return onnxruntime.InferenceSession(encoder, options, providers=["CPUExecutionProvider"])


class _Graph:
    """The encoder as a graph whose weights are given to the session beside it."""

    def __init__(self, found: dict[str, Any], config: dict[str, Any]) -> None:
        self._found, self._config = found, config
        self._nodes: list[Any] = []
        self.weights: dict[str, Any] = {}

    def encoder(self) -> bytes:
        """Write the graph: token ids, token types and mask (int32, batch x tokens) to the last hidden states."""
        from onnx import TensorProto, helper

        place = "embeddings."
        words, positions, types = (
            self._take(f"{place}{kind}_embeddings.weight") for kind in ("word", "position", "token_type")
        )
        given = ["ids", "types", words, positions, types, *self._norm(place), "mask"]
        hidden = self._fused("EmbedLayerNormalization", given, "embedded", more="lengths", epsilon=self._epsilon)
        for layer in range(self._config["num_hidden_layers"]):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        size = self._config["hidden_size"]
        graph = helper.make_graph(
            self._nodes,
            "minilm",
            [helper.make_tensor_value_info(name, TensorProto.INT32, ["b", "t"]) for name in ("ids", "types", "mask")],
            [helper.make_tensor_value_info(hidden, TensorProto.FLOAT, ["b", "t", size])],
            [_elsewhere(name, array) for name, array in self.weights.items()],
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR).SerializeToString()

    def _layer(self, hidden: str, place: str) -> str:
        """Attend to the other tokens, then to each alone; both are added to what came in, and normalised."""
        parts = [f"{place}attention.self.{part}" for part in ("query", "key", "value")]
        weights = self._keep(f"{place}qkv.weight", np.hstack([self._found[f"{part}.weight"].T for part in parts]))
        biases = self._keep(f"{place}qkv.bias", np.hstack([self._found[f"{part}.bias"] for part in parts]))
        heads = self._config["num_attention_heads"]
        seen = self._fused("Attention", [hidden, weights, biases, "lengths"], f"{place}seen", num_heads=heads)
        hidden = self._added(seen, hidden, f"{place}attention.output.")
        inner = self._times(hidden, f"{place}intermediate.dense")
        inner = self._fused("BiasGelu", [inner, self._take(f"{place}intermediate.dense.bias")], f"{place}inner")
        return self._added(inner, hidden, f"{place}output.")

    def _added(self, made: str, before: str, place: str) -> str:
        given = [self._times(made, f"{place}dense"), before, *self._norm(place), self._take(f"{place}dense.bias")]
        return self._fused("SkipLayerNormalization", given, f"{place}out", epsilon=self._epsilon)

    def _times(self, hidden: str, place: str) -> str:
        weight = self._keep(f"{place}.weight", self._found[f"{place}.weight"].T)
        return self._node("MatMul", [hidden, weight], [f"{place}.times"])

    def _norm(self, place: str) -> list[str]:
        return [self._take(f"{place}LayerNorm.{part}") for part in ("weight", "bias")]

    @property
    def _epsilon(self) -> float:
        return self._config["layer_norm_eps"]

    def _fused(self, kind: str, given: Sequence[str], name: str, *, more: str = "", **settings: Any) -> str:
        return self._node(kind, given, [name, more] if more else [name], domain=_FUSED, **settings)

    def _node(self, kind: str, given: Sequence[str], names: Sequence[str], **settings: Any) -> str:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, given, names, **settings))
        return names[0]

    def _take(self, name: str) -> str:
        return self._keep(name, self._found[name])

    def _keep(self, name: str, array: Any) -> str:
        self.weights[name] = np.ascontiguousarray(array)
        return name


def _elsewhere(name: str, array: Any) -> Any:
    """Describe a weight whose values the session is given in memory."""
    from onnx import TensorProto

    told = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=array.shape, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "memory"), ("offset", "0"), ("length", str(array.nbytes))):
        told.external_data.add(key=key, value=value)
    return told
