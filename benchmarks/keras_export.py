"""Compare the export of plain Keras models with Keras's own `model.export(format="onnx")` and with tf2onnx.

Ten architectures of recurrent layers, with random weights and the sizes of a small classifier, are exported three ways;
ours also with 8-bit weights. Every graph is first compared with Keras on one padded batch of random token ids. Then all
graphs of an architecture are timed in one process in interleaved rounds; a figure is the median over the rounds of the
ratio to Keras's own export. An exporter that fails on an architecture has the name of its error instead of figures.

Usage: python -m benchmarks.keras_export [--vocabulary 8000] [--units 64] [--texts 64] [--rounds 5] [--only NAME ...]
       [--markdown FILE] [--json FILE]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime as ort
import tensorflow as tf
import tf2onnx
from numpy.typing import NDArray

from benchmarks.export import open_session
from benchmarks.lib.rounds import interleave, ratio
from benchmarks.lib.tables import Table, machine, publish
from training.data.dataset import pad
from training.export import to_onnx
from training.export.convert import OPSET, quantize
from training.nn import backend

Array = NDArray[Any]
L = keras.layers
OURS, INT8, KERAS, TF2ONNX = "ours, fp32", "ours, int8", "Keras's export", "tf2onnx"
WAYS = (OURS, INT8, KERAS, TF2ONNX)
# `(batch, threads)` of each table of speeds.
SETTINGS = ((1, 1), (32, 2))
_OPS = ("RNN", "GRU", "LSTM", "DynamicQuantizeLSTM", "Loop", "Scan")


def architectures(units: int) -> dict[str, Callable[[], list[Any]]]:
    """Return the layers between the embedding and the output of each architecture; the one without a mask says so."""
    return {
        "SimpleRNN": lambda: [L.SimpleRNN(units)],
        "GRU": lambda: [L.GRU(units)],
        "GRU, reset_after=False": lambda: [L.GRU(units, reset_after=False)],
        "LSTM": lambda: [L.LSTM(units)],
        "LSTM without mask": lambda: [L.LSTM(units)],
        "Bidirectional LSTM": lambda: [L.Bidirectional(L.LSTM(units))],
        "Bidirectional GRU, average": lambda: [
            L.Bidirectional(L.GRU(units, return_sequences=True), merge_mode="sum"),
            L.GlobalAveragePooling1D(),
        ],
        "two LSTMs": lambda: [L.LSTM(units, return_sequences=True), L.Dropout(0.3), L.LSTM(units)],
        "LSTM, maximum": lambda: [L.LSTM(units, return_sequences=True), L.GlobalMaxPooling1D()],
        "LSTM backwards, Dense": lambda: [L.LSTM(units, go_backwards=True), L.Dense(units, activation="relu")],
    }


def build_model(name: str, units: int, vocabulary: int) -> keras.Model:
    """Build an architecture with random weights, large enough that a wrong state shows in the output."""
    embedding = L.Embedding(vocabulary, units, mask_zero="without mask" not in name)
    layers = [L.Input((None,), dtype="int32"), embedding, *architectures(units)[name]()]
    model = keras.Sequential([*layers, L.Dense(1, activation="sigmoid")])
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(generator.normal(0, 0.1, variable.shape))
    model(np.ones((1, 2), np.int32))  # Keras exports no model that was never called
    return model


def export_with_keras(model: keras.Model) -> onnx.ModelProto:
    """Export with Keras's own exporter."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        model.export(path, format="onnx", verbose=False)
        return onnx.load(path)


def export_with_tf2onnx(model: keras.Model) -> onnx.ModelProto:
    """Export with tf2onnx, from the model's TensorFlow function."""
    signature = [tf.TensorSpec([None, None], tf.int32, name="input_ids")]
    function = tf.function(lambda input_ids: model(input_ids, training=False), input_signature=signature)
    proto, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    return proto


def export_all(model: keras.Model) -> dict[str, onnx.ModelProto | Exception]:
    """Export a model in every way; an exporter that fails is represented by its error."""
    graphs: dict[str, onnx.ModelProto | Exception] = {OURS: to_onnx(model)}
    graphs[INT8] = quantize(graphs[OURS])
    for name, export in ((KERAS, export_with_keras), (TF2ONNX, export_with_tf2onnx)):
        try:
            graphs[name] = export(model)
        except Exception as error:
            graphs[name] = error
    return graphs


def sample(count: int, vocabulary: int) -> list[Array]:
    """Return random token ids of texts of 20 to 400 tokens, most of them short, shortest first."""
    generator = np.random.default_rng(1)
    lengths = np.sort(np.clip(generator.lognormal(4.6, 0.6, count), 20, 400).astype(int))
    return [generator.integers(1, vocabulary, length, np.int32) for length in lengths]


def feed(session: ort.InferenceSession, texts: Sequence[Array]) -> dict[str, Array]:
    """Return the inputs of a padded batch, whatever their names and types; only our graphs take the lengths."""
    ids, lengths = pad(texts)
    return {
        value.name: lengths if value.name == "lengths" else ids.astype("f4" if "float" in value.type else "i4")
        for value in session.get_inputs()
    }


def largest_difference(model: keras.Model, proto: onnx.ModelProto, texts: Sequence[Array]) -> float:
    """Return the largest difference between a graph and its Keras model on a padded batch."""
    session = open_session(proto.SerializeToString(), 1)
    (found,) = session.run(None, feed(session, texts))
    return float(np.abs(found - keras.ops.convert_to_numpy(model(pad(texts)[0]))).max())


def measure_seconds(protos: dict[str, onnx.ModelProto], texts: Sequence[Array], rounds: int) -> dict[str, Any]:
    """Return the seconds of each graph in each round for all texts, by setting."""
    found = {}
    for batch, threads in SETTINGS:
        runs = {}
        for name, proto in protos.items():
            session = open_session(proto.SerializeToString(), threads)
            feeds = [feed(session, texts[start : start + batch]) for start in range(0, len(texts), batch)]

            def run(session: ort.InferenceSession = session, feeds: list[dict[str, Array]] = feeds) -> float:
                started = time.perf_counter()
                for values in feeds:
                    session.run(None, values)
                return time.perf_counter() - started

            run()  # the first run allocates
            runs[name] = run
        found[f"{batch}, {threads}"] = interleave(runs, rounds)
    return found


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of one architecture, by exporter."""
    model = build_model(name, options.units, options.vocabulary)
    texts = sample(options.texts, options.vocabulary)
    exported = export_all(model)
    protos = {way: proto for way, proto in exported.items() if isinstance(proto, onnx.ModelProto)}
    seconds = measure_seconds(protos, texts, options.rounds)
    figures: dict[str, Any] = {}
    for way, proto in exported.items():
        if isinstance(proto, Exception):
            figures[way] = {"error": type(proto).__name__, "message": str(proto)}
            continue
        ops = [node.op_type for node in proto.graph.node]
        figures[way] = {
            "ops": {op: ops.count(op) for op in _OPS if op in ops},
            "difference": largest_difference(model, proto, texts[:: max(1, len(texts) // 8)]),
            "bytes": proto.ByteSize(),
            "seconds": {setting: by_way[way] for setting, by_way in seconds.items()},
        }
    return figures


def table(found: dict[str, dict[str, Any]], cell: Callable[[dict[str, Any], dict[str, Any]], str]) -> Table:
    """Return one figure of every architecture and exporter.

    Args:
        found: The figures by architecture and exporter.
        cell: Formats the figures of one exporter, given those of Keras's own export too.
    """
    rows = []
    for name, figures in found.items():
        cells = [
            figures[way].get("error") or cell(figures[way], figures[KERAS]) for way in (OURS, INT8, KERAS, TF2ONNX)
        ]
        rows.append([name, *cells])
    return Table(["", OURS, INT8, KERAS, TF2ONNX], rows)


def speed_cell(setting: str) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Return a formatter of the ratio of speeds to that of Keras's own export, or of milliseconds if that failed."""

    def cell(own: dict[str, Any], base: dict[str, Any]) -> str:
        seconds = own["seconds"][setting]
        if "seconds" not in base:
            return f"{1000 * statistics.median(seconds):.0f} ms"
        return f"{ratio(base['seconds'][setting], seconds):.1f}"

    return cell


def page(found: dict[str, dict[str, Any]], options: argparse.Namespace) -> list[str | Table]:
    """Return the paragraphs and tables."""
    parts: list[str | Table] = [
        f"{machine()}; Keras {keras.__version__}, tf2onnx {tf2onnx.__version__}, ONNX Runtime {ort.__version__}. "
        f"{options.units} units, {options.vocabulary:,} words, {options.texts} texts, {options.rounds} rounds.",
        "Recurrent operators, and the largest difference from Keras on a padded batch:",
        table(
            found,
            lambda own, _: f"{', '.join(f'{n} {op}' for op, n in own['ops'].items())}; {own['difference']:.0e}",
        ),
        "Size of the file in kB:",
        table(found, lambda own, _: f"{own['bytes'] / 1000:,.0f}"),
    ]
    for batch, threads in SETTINGS:
        plural = "s" if threads > 1 else ""
        parts.append(f"Speed as a multiple of Keras's export, batch {batch}, {threads} thread{plural}:")
        parts.append(table(found, speed_cell(f"{batch}, {threads}")))
    return parts


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=int, default=8_000, help="rows of the embedding")
    parser.add_argument("--units", type=int, default=64, help="units of each recurrent layer and width of the vectors")
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", nargs="+", choices=list(architectures(1)), metavar="NAME", help="architectures to run"
    )
    parser.add_argument("--markdown", type=Path, help="file for the tables")
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args(arguments)
    backend.configure(None)
    found = {name: measure(name, options) for name in options.only or architectures(options.units)}
    publish(page(found, options), found, options)


if __name__ == "__main__":
    main()
