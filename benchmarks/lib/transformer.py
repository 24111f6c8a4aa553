"""A transformer of DistilBERT's size with random weights, on ONNX Runtime.

The encoder is built operator by operator with `onnx.helper` and has 66,955,010 parameters, as many as DistilBERT with
its classification head. Speed does not depend on the values of the weights, so they are random: its answers mean
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from sentiline.cpus import available_cpus

MASKED = -1e4  # added to the attention scores of padding


@dataclass(frozen=True, slots=True)
class Size:
    """The dimensions of an encoder; the defaults are those of DistilBERT."""

    vocabulary: int = 30_522
    positions: int = 512
    layers: int = 6
    width: int = 768
    heads: int = 12
    inner: int = 3072


DISTILBERT = Size()
TINY = Size(vocabulary=200, positions=16, layers=2, width=8, heads=2, inner=12)


class _Graph:
    """Collects the nodes and weights of a graph; every method returns the name of the value it adds."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, *shape: int) -> str:
        values = self._random.standard_normal(shape, np.float32) * np.float32(shape[0] ** -0.5)
        return self.constant(name, values)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        output = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def dense(self, value: str, name: str, inputs: int, outputs: int) -> str:
        product = self.node("MatMul", value, self.weight(f"{name}.weight", inputs, outputs))
        return self.node("Add", product, self.weight(f"{name}.bias", outputs))

    def normalize(self, value: str, name: str, width: int) -> str:
        scale = self.constant(f"{name}.weight", np.ones(width, np.float32))
        return self.node("LayerNormalization", value, scale, self.weight(f"{name}.bias", width), epsilon=1e-12)


def build(path: Path, size: Size = DISTILBERT, *, seed: int = 0) -> int:
    """Write an encoder with a classification head as ONNX.

    Args:
        path: The file to write. The graph's inputs are `input_ids` and `attention_mask`, int64 [batch, time]; its
            output is `logits`, float32 [batch, 2].
        size: The dimensions of the encoder.
        seed: The seed of the random weights.

    Returns:
        The number of parameters.
    """
    graph = _Graph(seed)
    width, depth = size.width, size.width // size.heads
    words = graph.node("Gather", graph.weight("word_embeddings", size.vocabulary, width), "input_ids")
    places = graph.weight("position_embeddings", size.positions, width)
    parameters_before_constants = len(graph.weights)
    zero, one = graph.constant("zero", np.zeros(1, np.int64)), graph.constant("one", np.ones(1, np.int64))
    time_size = graph.node("Slice", graph.node("Shape", "input_ids"), one, graph.constant("two", np.array([2])))
    split_heads = graph.constant("split_heads", np.array([0, 0, size.heads, depth]))
    join_heads = graph.constant("join_heads", np.array([0, 0, width]))
    root = graph.constant("root", np.array(depth**-0.5, np.float32))
    half, unit = graph.constant("half", np.array(0.5, np.float32)), graph.constant("unit", np.array(1, np.float32))
    root_half = graph.constant("root_half", np.array(0.5**0.5, np.float32))
    axes = graph.constant("axes", np.array([1, 2]))
    masked = graph.constant("masked", np.array(MASKED, np.float32))
    constants = {tensor.name for tensor in graph.weights[parameters_before_constants:]}

    mask = graph.node("Cast", graph.node("Unsqueeze", "attention_mask", axes), to=TensorProto.FLOAT)  # [N, 1, 1, T]
    penalty = graph.node("Mul", graph.node("Sub", unit, mask), masked)
    state = graph.node("Add", words, graph.node("Slice", places, zero, time_size))
    state = graph.normalize(state, "embedding_norm", width)  # [N, T, width]
    for layer in range(size.layers):
        heads = []
        for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
            projected = graph.dense(state, f"{layer}.{part}", width, width)
            heads.append(graph.node("Transpose", graph.node("Reshape", projected, split_heads), perm=order))
        query, key, value = heads
        scores = graph.node(
            "Add", graph.node("MatMul", graph.node("Mul", query, root), key), penalty
        )  # [N, heads, T, T]
        context = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), value)
        joined = graph.node("Reshape", graph.node("Transpose", context, perm=[0, 2, 1, 3]), join_heads)
        attended = graph.dense(joined, f"{layer}.out", width, width)
        state = graph.normalize(graph.node("Add", attended, state), f"{layer}.attention_norm", width)
        inner = graph.dense(state, f"{layer}.inner", width, size.inner)
        bell = graph.node("Add", graph.node("Erf", graph.node("Mul", inner, root_half)), unit)
        activated = graph.node("Mul", graph.node("Mul", inner, bell), half)  # GELU
        outer = graph.dense(activated, f"{layer}.outer", size.inner, width)
        state = graph.normalize(graph.node("Add", outer, state), f"{layer}.norm", width)
    first = graph.node("Gather", state, graph.constant("first", np.array(0)), axis=1)  # [CLS]
    hidden = graph.node("Relu", graph.dense(first, "pre_classifier", width, width))
    logits = graph.dense(hidden, "classifier", width, 2)
    graph.node("Identity", logits, name="logits")

    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "T"]) for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])
    whole = helper.make_graph(graph.nodes, "encoder", inputs, [output], graph.weights)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    constants.add("first")
    return sum(int(np.prod(tensor.dims)) for tensor in graph.weights if tensor.name not in constants)


def quantize(source: Path, path: Path) -> None:
    """Write the same encoder with 8-bit weights and dynamically quantized activations."""
    quantize_dynamic(source, path, weight_type=QuantType.QInt8)


def wordpieces(texts: Sequence[str], size: Size = DISTILBERT) -> Tokenizer:
    """Train a tokenizer like BERT's on the texts."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=size.vocabulary, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    tokenizer.enable_truncation(size.positions)
    tokenizer.enable_padding()
    return tokenizer


class Transformer:
    """An encoder in ONNX Runtime with its tokenizer; safe to use from many threads."""

    def __init__(self, path: Path, tokenizer: Tokenizer, *, threads: int | None = None) -> None:
        """Load a file written by `build` or `quantize`; `threads` defaults to the CPUs available to this process."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = available_cpus() if threads is None else threads
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizer

    def score(self, texts: Sequence[str], *, batch: int = 1) -> list[float]:
        """Return the probability of the second class for each text; batches are formed from texts of similar length."""
        order = range(len(texts)) if batch == 1 else sorted(range(len(texts)), key=lambda index: len(texts[index]))
        scores = [0.0] * len(texts)
        for start in range(0, len(texts), batch):
            places = order[start : start + batch]
            encodings = self.tokenizer.encode_batch_fast([texts[index] for index in places])
            ids = np.array([encoding.ids for encoding in encodings], np.int64)
            mask = np.array([encoding.attention_mask for encoding in encodings], np.int64)
            for index, value in zip(places, self.run(ids, mask), strict=True):
                scores[index] = value
        return scores

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> list[float]:
        """Return the probability of the second class for each row."""
        (logits,) = self._session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
        positive: list[float] = (1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))).tolist()
        return positive
