"""Verifies a bundle: compares ONNX Runtime with the numpy reference on real text.

The weights are read from the bundle's own graph and run through `sentiline.reference` in float64. Every output at every
timestep is compared, without TensorFlow. A graph that was exported from Keras is run node by node.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from sentiline.bundle import Bundle, find
from sentiline.errors import BundleCorruptError
from sentiline.reference.activations import sigmoid
from sentiline.reference.arrays import Array
from sentiline.reference.readings import (
    ReferenceOutput,
    read_last,
    read_pooling,
    read_prefix_pooling,
    read_timesteps,
    read_unit,
)
from sentiline.reference.stack import stack_forward
from sentiline.verification.graph_evaluation import evaluate_graph
from sentiline.verification.onnx_weights import Graph, GraphWeights, read_weights
from sentiline.verification.result import Comparison, Verification

TOLERANCE = 1e-5
RNN_TOLERANCE = 1e-4  # a plain recurrent network amplifies float32 rounding from step to step
# For the probability of a whole text where a graph's weights or activations are rounded to 8 bits: it detects damage,
# and does not promise accuracy. The other outputs are reported without a bound.
INT8_TOLERANCE = 0.1
_HEADS = ("pooling", "last", "unit", "timesteps", "keras")

# Compared unless other texts are given: short and long ones, with markup, unknown words and emoticons.
TEXTS = (
    "A quiet, patient film that I could not stop thinking about.",
    "Dull.",
    "I don't know what they were thinking: the plot makes no sense, the jokes aren't funny, and it's 3 hours long!!!",
    "Not bad at all - in fact, after a slow first half hour, it becomes one of the best thrillers I have seen.",
    "The photography is beautiful and the music is wonderful. Sadly the script is neither: every line sounds as if it "
    "had been written by a committee, and the two leads deliver them without any conviction. 4/10",
    "Loved it loved it loved it :) <br /><br />My grandmother, who is 91, laughed sooooo hard that she had to leave.",
    "Zxqvw brontosaurial wibblefrotz.",
    "I went in expecting nothing and was surprised. The story takes its time, the actors are given room to breathe, "
    "and when the turn comes it is earned. The middle sags a little; one subplot, about the brother, could have been "
    "cut without loss. But the last twenty minutes are so good, so well judged and so moving, that I forgave it "
    "everything. Recommended to everybody who still believes that a film can be about ordinary people. " * 15,
)


def verify(name_or_path: str | Path, texts: Sequence[str] = TEXTS) -> Verification:
    """Check a bundle's files, then compare each of its graphs with the reference.

    Args:
        name_or_path: The name of an installed model, or the path of a bundle's folder.
        texts: The texts to compare on; at least one, each with at least one token.

    Returns:
        The largest differences; `passed` tells whether all are within tolerance.

    Raises:
        BundleNotFoundError: There is no such model.
        BundleCorruptError: A file is damaged, or a graph does not have the form that Sentiline exports.
        InputError: A text cannot be scored.
        SentilineError: The package `onnx`, which reads the weights, is not installed.
    """
    bundle = find(name_or_path)
    bundle.verify()
    tokenizer = bundle.tokenizer()
    ids = [tokenizer.encode(text, spans=False).ids for text in texts]
    head = _head(bundle)
    comparisons = _compare_keras(bundle, ids) if head == "keras" else _compare_head(bundle, head, ids)
    manifest = bundle.manifest
    return Verification(f"{manifest.name} {manifest.version}", len(texts), sum(map(len, ids)), tuple(comparisons))


def _compare_head(bundle: Bundle, head: str, ids: Sequence[Array]) -> list[Comparison]:
    """Compare the graphs of a model of `python -m training fit` with a forward pass of its own weights."""
    precisions = bundle.manifest.precisions
    origin = "fp32" if "fp32" in precisions else bundle.manifest.default_precision
    weights = read_weights(bundle.read(precisions[origin]), head, precisions[origin])
    readings = [forward(weights, head, sequence[None, :], np.array([len(sequence)])) for sequence in ids]
    described = origin + (", multiplied out" if weights.dequantized else "")
    plain = any(layer.params[0]["W"].shape[1] == layer.params[0]["U"].shape[0] for layer in weights.layers)
    log_odds = head in ("unit", "timesteps")
    comparisons = []
    for precision, file in precisions.items():
        content = bundle.read(file)
        # The reference can use rounded weights too, but it cannot reproduce rounded activations.
        own = weights if precision == origin else read_weights(content, head, file)
        exact = not own.quantized_activations and own.dequantized == weights.dequantized
        tolerance = (RNN_TOLERANCE if plain else TOLERANCE) if exact else INT8_TOLERANCE
        session = _session(content)
        runs = {"one by one": _alone(session, ids)}
        if exact:
            runs["padded batch"] = _batch(session, ids)
        for name, outputs in runs.items():
            comparisons.append(_compare(precision, name, described, outputs, readings, tolerance, log_odds=log_odds))
    return comparisons


def _compare_keras(bundle: Bundle, ids: Sequence[Array]) -> list[Comparison]:
    """Compare the graphs of a model exported from Keras with an evaluation of its float32 graph in numpy.

    The texts run one by one, as they are served: in a padded batch such a model may read its padding, as Keras does.
    """
    precisions = bundle.manifest.precisions
    if "fp32" not in precisions:
        raise BundleCorruptError(
            f"{bundle.path}: a model exported from Keras is verified by its fp32 graph, and this bundle has only "
            f"{', '.join(precisions)}",
            field="manifest.json",
        )
    graph = Graph(bundle.read(precisions["fp32"]), precisions["fp32"])
    readings = evaluate_graph(graph, ids)
    plain = any(node.op_type == "RNN" for node in graph.recurrent_nodes())
    exact = RNN_TOLERANCE if plain else TOLERANCE
    comparisons = []
    for precision, file in precisions.items():
        outputs = _alone(_session(bundle.read(file)), ids)
        tolerance = exact if precision == "fp32" else INT8_TOLERANCE
        comparisons.append(_compare(precision, "one by one", "fp32", outputs, readings, tolerance))
    return comparisons


def _head(bundle: Bundle) -> str:
    architecture = bundle.manifest.document.get("architecture")
    head = architecture.get("head") if isinstance(architecture, dict) else None
    if head not in _HEADS:
        raise BundleCorruptError(
            f'{bundle.path}: the architecture\'s "head" is {head!r}; it must be one of {", ".join(_HEADS)}',
            field="manifest.json",
        )
    return str(head)


def forward(weights: GraphWeights, head: str, ids: Array, lengths: Array) -> ReferenceOutput:
    """Run a batch through the reference, in float64.

    Args:
        weights: The graph's weights.
        head: The kind of head, see `sentiline.verification.onnx_weights.read_weights`.
        ids: The vocabulary ids, int [B, T], right-padded with 0.
        lengths: The number of tokens in each row, int [B].
    """
    h, _ = stack_forward(weights.layers, weights.embedding[ids], lengths)  # [B, T, D]
    if head == "unit":
        return read_unit(h, lengths)
    if head == "last":
        return read_last(h, lengths, weights.head)
    if head == "timesteps":
        return read_timesteps(h, lengths, weights.head)
    both_ways = len(weights.layers[-1].params) == 2
    return (read_pooling if both_ways else read_prefix_pooling)(h, lengths, weights.head)


def _session(content: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _run(session: ort.InferenceSession, ids: Array, lengths: Array) -> dict[str, Array]:
    names = [output.name for output in session.get_outputs()]
    feeds = {"input_ids": ids.astype(np.int32), "lengths": lengths.astype(np.int32)}
    return dict(zip(names, session.run(names, feeds), strict=True))


def _alone(session: ort.InferenceSession, ids: Iterable[Array]) -> list[dict[str, Array]]:
    return [_run(session, sequence[None, :], np.array([len(sequence)])) for sequence in ids]


def _batch(session: ort.InferenceSession, ids: Sequence[Array]) -> list[dict[str, Array]]:
    """All texts in one padded batch, taken apart again: padding that reaches a state shows."""
    lengths = np.array([len(sequence) for sequence in ids])
    padded = np.zeros((len(ids), lengths.max()), np.int32)
    for row, sequence in zip(padded, ids, strict=True):
        row[: len(sequence)] = sequence
    outputs = _run(session, padded, lengths)
    return [
        {
            name: value[index : index + 1, :length] if value.ndim == 2 else value[index : index + 1]
            for name, value in outputs.items()
        }
        for index, length in enumerate(lengths)
    ]


def _compare(
    precision: str,
    runs: str,
    described: str,
    outputs: Sequence[dict[str, Array]],
    readings: Sequence[ReferenceOutput],
    tolerance: float,
    *,
    log_odds: bool = False,
) -> Comparison:
    largest: dict[str, float] = {}
    same = 0
    for output, reading in zip(outputs, readings, strict=True):
        expected = _expected(reading)
        if set(output) != set(expected):
            raise BundleCorruptError(f"the {precision} graph gives {sorted(output)}; it must give {sorted(expected)}")
        scales = _scales(reading, log_odds=log_odds)
        for name, value in expected.items():
            apart = float((np.abs(output[name] - value) * scales.get(name, 1.0)).max())
            largest[name] = max(largest.get(name, 0.0), apart)
        same += int((output["logit"][0] > 0) == (reading.logit[0] > 0))
    held = ("probability",) if tolerance == INT8_TOLERANCE else tuple(largest)
    return Comparison(precision, runs, described, largest, tolerance, held, same / len(outputs))


def _expected(reading: ReferenceOutput) -> dict[str, Array]:
    values = {
        "probability": sigmoid(reading.logit),
        "logit": reading.logit,
        "bias": reading.bias,
        "scores": reading.scores,
    }
    return values if reading.contributions is None else values | {"contributions": reading.contributions}


def _scales(reading: ReferenceOutput, *, log_odds: bool) -> dict[str, Array]:
    """What differences are multiplied with before they are compared; see `Comparison.largest`."""
    scales = {"logit": 1 / np.maximum(1, np.abs(reading.logit)), "bias": 1 / np.maximum(1, np.abs(reading.bias))}
    if reading.contributions is not None:
        scales["contributions"] = 1 / np.maximum(1, np.abs(reading.contributions))
    if log_odds:
        p = sigmoid(reading.logit)
        scales["logit"] = p * (1 - p)
        slopes = reading.scores * (1 - reading.scores)  # [1, T]
        before = np.concatenate([np.full((1, 1), 0.25), slopes[:, :-1]], axis=1)
        scales["contributions"] = np.minimum(slopes, before)
    return scales
