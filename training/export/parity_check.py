"""The parity check of an export: a graph whose outputs differ from the model's is rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime as ort
from keras import ops
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from sentiline.errors import BundleCorruptError
from sentiline.reference.activations import sigmoid
from sentiline.verification.onnx_weights import GraphWeights, read_weights
from sentiline.verification.verify import forward
from training.data.dataset import pad
from training.errors import ExportError
from training.nn.heads import PoolingHead
from training.nn.model import SentimentModel

PER_BATCH = ("probability", "logit", "bias")
PER_TIMESTEP = ("scores", "contributions")
_ALL = (*PER_BATCH, *PER_TIMESTEP)
_CONTROL_FLOW = {"Loop", "Scan", "If"}
_MAX_SPREAD = 60.0
_FUSED = {"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"}

Outputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Comparison:
    """One row of the parity check.

    Attributes:
        what: The two things compared.
        largest: The largest absolute difference of each output.
        tolerance: The bound of the probabilities; logits and their parts, whose magnitude is unbounded, may differ by
            ten times as much. None if the row is only reported. A logit computed from a probability (heads "unit" and
            "timesteps") is only reported as well: near 0 and 1 it magnifies the last bit of float32 without limit.
    """

    what: str
    largest: dict[str, float]
    tolerance: float | None


@dataclass(frozen=True)
class ParityReport:
    """The result of the parity check.

    Attributes:
        comparisons: The comparisons in the order they were made.
        agreement: The share of reviews for which int8 and fp32 give the same label.
        reviews: The number of reviews compared.
    """

    comparisons: tuple[Comparison, ...]
    agreement: float
    reviews: int

    def table(self) -> Table:
        """Return the comparisons as a terminal table."""
        names = list(self.comparisons[0].largest)
        table = Table(title=f"export parity check, {self.reviews} reviews", box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
        shown = [{"contributions": "contrib.", "probability": "prob."}.get(name, name) for name in names]
        for heading in ("fp32 against", *shown, "at most"):
            table.add_column(heading, no_wrap=True)
        for row in self.comparisons:
            tolerance = "reported" if row.tolerance is None else f"{row.tolerance:.0e}"
            what = row.what.removeprefix("fp32 - ").removeprefix("fp32 ")
            table.add_row(what, *(f"{row.largest[name]:.0e}" for name in names), tolerance)
        return table

    def as_dict(self) -> dict[str, Any]:
        """Return the report, JSON-ready, for the manifest."""
        rows = {row.what: {**row.largest, "tolerance": row.tolerance} for row in self.comparisons}
        return {"reviews": self.reviews, "int8_label_agreement": self.agreement, "largest_difference": rows}


def check_parity(
    model: SentimentModel, fp32: onnx.ModelProto, int8: onnx.ModelProto, sequences: Sequence[NDArray[np.int32]]
) -> ParityReport:
    """Check that both graphs satisfy the contract and that the float32 graph computes the model's values.

    It is compared with Keras and with the numpy reference, which reads the graph's own weights in float64. Each review
    runs in a padded batch, alone, and with extra padding; random token ids are compared as well.

    Args:
        model: The exported Keras model.
        fp32: Its graph.
        int8: Its quantized graph.
        sequences: The token ids of real reviews, each int32 [n_i].

    Returns:
        The largest differences.

    Raises:
        ExportError: A check failed; the message names the first one.
    """
    additive = model.config.head != "timesteps"
    for proto, name in ((fp32, "model.onnx"), (int8, "model.int8.onnx")):
        check_graph_contract(proto, name, additive=additive)
    _check_attention(model)
    session, session8 = _session(fp32), _session(int8)
    tolerance = 1e-4 if model.config.cell == "rnn" else 1e-5  # a plain RNN amplifies rounding errors at every step
    if isinstance(model.head, PoolingHead):
        tolerance *= max(1.0, model.head.gain() / 1.5)
    checked = ("probability", "scores") if model.config.head in ("unit", "timesteps") else _ALL
    weights = _read_weights(fp32, model.config.head)
    rows = []
    generator = np.random.default_rng(0)
    vocabulary = int(model.embedding.input_dim)
    noise = [generator.integers(1, vocabulary, length).astype(np.int32) for length in (1, 2, 17, 64, 200)]
    for what, batch in (("real reviews", sequences), ("random ids", noise)):
        found, keras_found = _run(session, *pad(batch)), _keras_outputs(model, *pad(batch))
        rows.append(_compare(f"fp32 - Keras, {what}", found, keras_found, tolerance, checked))
        numpy_found = _numpy_outputs(weights, model.config.head, *pad(batch))
        rows.append(_compare(f"fp32 - numpy float64, {what}", found, numpy_found, tolerance, checked))
    together = _run(session, *pad(sequences))
    rows.append(_compare("fp32 in a batch - alone", together, _run_one_by_one(session, sequences), tolerance, checked))
    wide, lengths = pad(sequences)
    wider = np.pad(wide, ((0, 0), (0, 37)))
    padded = _run(session, wider, lengths)
    if any(padded[name][:, wide.shape[1] :].any() for name in PER_TIMESTEP if name in padded):
        raise ExportError("scores or contributions of padding are not 0")
    trimmed = {name: value[:, : wide.shape[1]] if value.ndim == 2 else value for name, value in padded.items()}
    rows.append(_compare("fp32 in a batch - extra padding", together, trimmed, tolerance, checked))
    if additive:
        total = together["bias"].astype(np.float64) + together["contributions"].sum(axis=1, dtype=np.float64)
        difference = float(np.abs(total - together["logit"]).max())
        if difference > 1e-4:
            raise ExportError(f"bias + Σ contributions differs from logit by {difference:.1e}; the limit is 1e-4")
    quantized = _run_one_by_one(session8, sequences)
    rows.append(_compare("int8 - fp32, alone", quantized, _run_one_by_one(session, sequences), None, ()))
    agreement = float(np.mean((quantized["logit"] >= 0) == (together["logit"] >= 0)))
    return ParityReport(tuple(rows), agreement, len(sequences))


def check_graph_contract(proto: onnx.ModelProto, name: str, *, additive: bool) -> None:
    """Check a graph's ops, names, types and dynamic axes.

    Raises:
        ExportError: The graph differs from the contract documented in `training.export.convert.to_onnx`.
    """
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"{name} is not a valid graph: {error}") from error
    types = [node.op_type for node in proto.graph.node]
    if looping := sorted(_CONTROL_FLOW & set(types)):
        raise ExportError(f"{name} holds {', '.join(looping)}; recurrent layers must be fused ops")
    for node in proto.graph.node:
        if node.op_type in _FUSED and (len(node.input) < 5 or not node.input[4]):
            raise ExportError(
                f"{name}: {node.op_type} {node.name} has no sequence_lens, so padding would affect the states"
            )
    if not _FUSED & set(types):
        raise ExportError(f"{name} holds no fused recurrent op")
    wanted = {"input_ids": ["batch", "time"], "lengths": ["batch"]}
    _check_axes(f"inputs of {name}", proto.graph.input, wanted, onnx.TensorProto.INT32)
    outputs = {key: ["batch"] for key in PER_BATCH} | {"scores": ["batch", "time"]}
    if additive:
        outputs["contributions"] = ["batch", "time"]
    _check_axes(f"outputs of {name}", proto.graph.output, outputs, onnx.TensorProto.FLOAT)


def _check_attention(model: SentimentModel) -> None:
    """Reject attention so sharp that a prefix could underflow.

    A forward pooling head divides by Σ exp(u·h_t - max_s u·h_s) over each prefix. States lie within ±1, so energies lie
    within 2‖u‖₁ of each other, and float32 can represent exp(-60).
    """
    head = model.head
    if isinstance(head, PoolingHead) and head.prefix:
        spread = 2 * float(np.abs(np.asarray(head.attention)).sum())
        if spread > _MAX_SPREAD:
            raise ExportError(
                f"attention energies may differ by {spread:.0f}, and at most {_MAX_SPREAD:.0f} can be exported; "
                f"fit with fewer epochs or more state_dropout"
            )


def _check_axes(what: str, values: Sequence[Any], wanted: dict[str, list[str]], element: int) -> None:
    found = {value.name: [axis.dim_param for axis in value.type.tensor_type.shape.dim] for value in values}
    if found != wanted:
        raise ExportError(f"{what} are {found}; they must be {wanted}")
    for value in values:
        if value.type.tensor_type.elem_type != element:
            kind = onnx.TensorProto.DataType.Name
            raise ExportError(
                f"{what}: {value.name} is {kind(value.type.tensor_type.elem_type)}; it must be {kind(element)}"
            )


def _compare(what: str, left: Outputs, right: Outputs, tolerance: float | None, checked: Sequence[str]) -> Comparison:
    largest = {name: float(np.abs(left[name] - right[name]).max()) for name in left}
    if tolerance is not None:
        for name, difference in largest.items():
            bound = tolerance if name in ("probability", "scores") else 10 * tolerance
            if name in checked and not difference <= bound:
                raise ExportError(f"{what}: {name} differs by {difference:.1e}; the limit is {bound:.0e}")
    return Comparison(what, largest, tolerance)


def _session(proto: onnx.ModelProto) -> ort.InferenceSession:
    return ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])


def _run(session: ort.InferenceSession, ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> dict[str, Any]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"input_ids": ids, "lengths": lengths}), strict=True))


def _run_one_by_one(session: ort.InferenceSession, sequences: Sequence[NDArray[np.int32]]) -> dict[str, Any]:
    """Run each review alone and pad the outputs to the longest afterwards."""
    longest = max(map(len, sequences))
    runs = [_run(session, *pad([sequence])) for sequence in sequences]
    for run in runs:
        for name in PER_TIMESTEP:
            if name in run:
                run[name] = np.pad(run[name], ((0, 0), (0, longest - run[name].shape[1])))
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}


def _read_weights(proto: onnx.ModelProto, head: str) -> GraphWeights:
    try:
        return read_weights(proto.SerializeToString(), head, "model.onnx")
    except BundleCorruptError as error:
        raise ExportError(f"the numpy reference cannot read the graph: {error}") from error


def _numpy_outputs(
    weights: GraphWeights, head: str, ids: NDArray[np.int32], lengths: NDArray[np.int32]
) -> dict[str, Any]:
    output = forward(weights, head, ids, lengths)
    outputs = {"probability": sigmoid(output.logit), **output._asdict()}
    return {name: value for name, value in outputs.items() if value is not None}


def _keras_outputs(model: SentimentModel, ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> dict[str, Any]:
    output = model(keras.ops.convert_to_tensor(ids), keras.ops.convert_to_tensor(lengths))
    outputs = {"probability": ops.sigmoid(output["logit"]), **output}
    return {name: ops.convert_to_numpy(value) for name, value in outputs.items() if value is not None}
