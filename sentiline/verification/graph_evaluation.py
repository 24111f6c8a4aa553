"""Evaluation of any exported graph in numpy: recurrent ops by `sentiline.reference`, others by ONNX's own evaluator.

`sentiline.verification.onnx_weights` knows the heads of `python -m training fit`. A model that was exported from Keras
may consist of any layers, so its graph is run node by node instead. The `onnx` package is imported only when a graph is
evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sentiline.reference.arrays import Array, reverse_within_length
from sentiline.reference.bidirectional import bidirectional_forward
from sentiline.reference.readings import ReferenceOutput
from sentiline.reference.stack import Layer
from sentiline.reference.unroll import unroll_forward
from sentiline.verification.onnx_weights import Graph


def evaluate_graph(graph: Graph, sequences: Iterable[Array]) -> list[ReferenceOutput]:
    """Run a float32 graph on texts one by one.

    The recurrent layers compute in float64, in `sentiline.reference`, and everything else in the types of the graph.

    Args:
        graph: The graph.
        sequences: The token ids of the texts, int [T] each.

    Raises:
        BundleCorruptError: A recurrent layer has activations that the reference does not have.
    """
    from onnx.reference import ReferenceEvaluator

    layers = {node.output[0]: graph.layer(node) for node in graph.recurrent_nodes()}
    evaluator = ReferenceEvaluator(graph.proto, new_ops=_recurrent_ops(layers))
    names = [output.name for output in graph.proto.graph.output]
    readings = []
    for ids in sequences:
        feeds = {"input_ids": ids[None].astype(np.int32), "lengths": np.array([len(ids)], np.int32)}
        found = dict(zip(names, evaluator.run(None, feeds), strict=True))
        readings.append(ReferenceOutput(found["logit"], found["bias"], found["scores"], found.get("contributions")))
    return readings


def _recurrent_ops(layers: dict[str, Layer]) -> list[type]:
    """Return implementations of ONNX's RNN, GRU and LSTM by the reference, for the nodes whose outputs are named."""
    from onnx.reference.op_run import OpRun

    class Recurrent(OpRun):
        def _run(self, x: Array, w: Array, r: Array, b: Array, lengths: Array, *_: Any, **attributes: Any) -> Any:
            reverse = attributes["direction"] == "reverse"
            states, last = _run_layer(layers[self.onnx_node.output[0]], x.transpose(1, 0, 2), lengths, reverse=reverse)
            outputs = states.transpose(1, 2, 0, 3), last  # [T, directions, B, U] and [directions, B, U]
            return tuple(np.asarray(each, x.dtype) for each in outputs)[: len(self.onnx_node.output)]

    return [type(name, (Recurrent,), {"op_domain": ""}) for name in ("RNN", "GRU", "LSTM")]


def _run_layer(layer: Layer, x: Array, lengths: Array, *, reverse: bool) -> tuple[Array, Array]:
    """Run one layer over [B, T, F], and return its states [B, T, directions, U] and last states [directions, B, U]."""
    x = x.astype(np.float64)
    if len(layer.params) == 2:
        h, final, _ = bidirectional_forward(layer.cell, x, layer.params, lengths)
        return h.reshape(*h.shape[:2], 2, -1), np.stack([final[0][0], final[1][0]])
    if reverse:
        x = reverse_within_length(x, lengths)
    h, last, _ = unroll_forward(layer.cell, x, layer.params[0], lengths)
    if reverse:
        h = reverse_within_length(h, lengths)
    return h[:, :, None], last[0][None]
