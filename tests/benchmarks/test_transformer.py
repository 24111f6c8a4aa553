"""The transformer of the benchmarks: its size, its values against numpy, its padding."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from benchmarks.lib.transformer import DISTILBERT, TINY, Transformer, build, quantize, wordpieces

Array = NDArray[np.float64]
TEXTS = ["A quiet film.", "I did not expect to like this film, and I loved it!", "So bad it is good, and then bad."]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("transformer") / "tiny.onnx"
    build(path, TINY)
    return path


def forward(weights: dict[str, Array], ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Array:
    """DistilBERT's forward pass as its paper and its reference code have it, without dropout: logits [N, 2]."""
    count, length = ids.shape
    heads, depth = TINY.heads, TINY.width // TINY.heads

    def dense(name: str, value: Array) -> Array:
        return value @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def normalize(name: str, value: Array) -> Array:
        centred = value - value.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def by_head(value: Array) -> Array:
        return value.reshape(count, length, heads, depth).transpose(0, 2, 1, 3)

    state = normalize("embedding_norm", weights["word_embeddings"][ids] + weights["position_embeddings"][:length])
    for layer in range(TINY.layers):
        query, key, value = (by_head(dense(f"{layer}.{part}", state)) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(depth)
        scores = np.where(mask[:, None, None, :] == 1, scores, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        context = (shares @ value).transpose(0, 2, 1, 3).reshape(count, length, TINY.width)
        state = normalize(f"{layer}.attention_norm", state + dense(f"{layer}.out", context))
        inner = dense(f"{layer}.inner", state)
        gelu = inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2))) / 2
        state = normalize(f"{layer}.norm", state + dense(f"{layer}.outer", gelu))
    return dense("classifier", np.maximum(dense("pre_classifier", state[:, 0]), 0))


def test_the_graph_equals_a_numpy_transformer(tiny: Path) -> None:
    weights: dict[str, Array] = {
        tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in onnx.load(tiny).graph.initializer
    }
    random = np.random.default_rng(2)
    ids = random.integers(0, TINY.vocabulary, (4, 11))
    mask = (np.arange(11) < np.array([11, 7, 1, 4])[:, None]).astype(np.int64)
    logits = forward(weights, ids, mask)
    expected = np.exp(logits[:, 1]) / np.exp(logits).sum(-1)
    found = Transformer(tiny, wordpieces(TEXTS, TINY)).run(ids, mask)
    assert np.ptp(expected) > 0.01
    assert found == pytest.approx(expected.tolist(), abs=1e-5)


def test_the_encoder_has_the_parameters_of_distilbert(tmp_path: Path) -> None:
    # DistilBertForSequenceClassification with two labels: 66,362,880 in the encoder, 592,130 in the head
    assert build(tmp_path / "full.onnx", DISTILBERT) == 66_362_880 + 592_130
    assert (tmp_path / "full.onnx").stat().st_size > 4 * 66_955_010


def test_batches_and_padding_change_no_score(tiny: Path) -> None:
    transformer = Transformer(tiny, wordpieces(TEXTS, TINY), threads=1)
    alone = transformer.score(TEXTS)
    assert len({round(score, 4) for score in alone}) == len(TEXTS)
    assert transformer.score(TEXTS, batch=2) == pytest.approx(alone, abs=1e-6)


def test_texts_are_truncated_between_cls_and_sep() -> None:
    tokenizer = wordpieces(TEXTS, TINY)
    tokens = tokenizer.encode(TEXTS[0]).tokens
    assert (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")
    assert len(tokenizer.encode("film " * 100).ids) == TINY.positions


def test_8_bit_scores_stay_near_float_scores(tiny: Path, tmp_path: Path) -> None:
    quantize(tiny, tmp_path / "int8.onnx")
    tokenizer = wordpieces(TEXTS, TINY)
    exact, rounded = (Transformer(path, tokenizer).score(TEXTS) for path in (tiny, tmp_path / "int8.onnx"))
    assert rounded != exact
    assert rounded == pytest.approx(exact, abs=0.05)
