"""Time the fused export against Keras's own `model.export(format="onnx")` of the same weights, and fp32 against int8.

Both exports are of one model: the preset's word vectors and recurrent layers, a dense sigmoid at every timestep, and
the same random weights, since speed does not depend on their values. Their scores are compared first. They are timed
in one process in interleaved rounds, on validation reviews sorted by length; a figure is the median over the rounds,
a ratio the median of the ratios within a round. The effect of 8-bit weights, and of a review's neighbours in its
batch, is measured on the trained model.

Usage: IMDB_ARCHIVE=… python -m benchmarks.export [--reviews 200] [--rounds 5] [--preset bilstm] [--model bilstm]
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from sentiline.bundle import Bundle, find
from training.config.presets import PRESETS
from training.data import imdb
from training.data.dataset import encode, pad
from training.export.convert import quantize, to_onnx
from training.nn.model import SentimentModel, build_model

Array = NDArray[Any]
# `(batch, threads)` of each column of the table.
SETTINGS = ((1, 1), (32, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--reviews", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--preset", choices=["bilstm", "lstm"], default="bilstm", help="preset with the sizes of the timed model"
    )
    parser.add_argument("--model", default="bilstm", help="bundle whose int8 and fp32 graphs are compared")
    options = parser.parse_args()
    bundle = find(options.model)
    sequences = sample(bundle, options.archive, options.reviews)
    model = random_model(options.preset, len(bundle.tokenizer().vocabulary))
    fused = to_onnx(model)
    graphs = {"Keras's export (Loop)": naive_export(model), "fused, fp32": fused, "fused, int8": quantize(fused)}
    print_sizes(graphs, sequences)
    print(f"scores of the two fp32 graphs differ by at most {largest_difference(graphs, sequences):.1e}\n")
    print_speed(time_graphs(graphs, sequences, options.rounds))
    print_precisions(bundle, sequences)


def sample(bundle: Bundle, archive: Path | None, count: int) -> list[Array]:
    """Return the token ids of random validation reviews, truncated as by the bundle, shortest first."""
    _, validation = imdb.split(imdb.load(archive).train)
    chosen = np.random.default_rng(0).permutation(len(validation))[:count]
    return sorted(encode([validation[index] for index in chosen], bundle.tokenizer()).ids, key=len)


def random_model(preset: str, vocabulary: int) -> SentimentModel:
    """Build the preset's layers with a dense sigmoid at every timestep, which Keras can export too."""
    config = dataclasses.replace(PRESETS[preset], head="timesteps", state_dropout=0.0, precision="both")
    model = build_model(config, vocabulary)
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:  # larger than initial ones, so that a wrong state shows in the scores
        variable.assign(generator.normal(0, 0.2, variable.shape))
    return model


def naive_export(model: SentimentModel) -> onnx.ModelProto:
    """Export the same layers, written the usual way in Keras, with Keras's own exporter."""
    config, (layer,) = model.config, model.recurrent
    recurrent: Any = keras.layers.LSTM(config.units, return_sequences=True)
    if config.direction == "bidirectional":
        recurrent = keras.layers.Bidirectional(recurrent)
    inputs = keras.Input((None,), dtype="int32", name="input_ids")
    vectors = keras.layers.Embedding(model.embedding.input_dim, config.embedding, mask_zero=True)(inputs)
    whole = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(recurrent(vectors)))
    whole.set_weights(
        [
            *model.embedding.get_weights(),
            *(weight for direction in layer.directions for weight in direction.get_weights()),
            *model.head.get_weights(),
        ]
    )
    whole(np.ones((1, 2), np.int32))  # Keras exports no model that was never called
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "naive.onnx")
        whole.export(path, format="onnx", verbose=False)
        return onnx.load(path)


def open_session(graph: bytes, threads: int) -> ort.InferenceSession:
    """Create a session with the given number of threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def feeds(session: ort.InferenceSession, batch: Sequence[Array]) -> dict[str, Array]:
    """Return the inputs of a padded batch, with its lengths if the graph takes them."""
    ids, lengths = pad(batch)
    wanted = {value.name for value in session.get_inputs()}
    return {name: value for name, value in (("input_ids", ids), ("lengths", lengths)) if name in wanted}


def largest_difference(graphs: dict[str, onnx.ModelProto], sequences: Sequence[Array]) -> float:
    """Return the largest difference between the scores of the two float32 graphs on the tokens of a padded batch."""
    naive, fused, _ = (open_session(graph.SerializeToString(), 1) for graph in graphs.values())
    batch = sequences[:: max(1, len(sequences) // 32)]
    ids, lengths = pad(batch)
    (theirs,) = naive.run(None, feeds(naive, batch))
    (ours,) = fused.run(["scores"], feeds(fused, batch))
    inside = np.arange(ids.shape[1]) < lengths[:, None]
    return float(np.abs(theirs[..., 0] - ours)[inside].max())


Seconds = dict[tuple[int, int], dict[str, list[float]]]


def time_graphs(graphs: dict[str, onnx.ModelProto], sequences: Sequence[Array], rounds: int) -> Seconds:
    """Measure the reviews per second of every graph, by setting and round."""
    found: Seconds = {}
    for batch, threads in SETTINGS:
        sessions = {name: open_session(graph.SerializeToString(), threads) for name, graph in graphs.items()}
        batches = {
            name: [feeds(session, sequences[start : start + batch]) for start in range(0, len(sequences), batch)]
            for name, session in sessions.items()
        }
        speeds: dict[str, list[float]] = {name: [] for name in graphs}
        for number in range(rounds + 1):
            for name, session in sessions.items():
                started = time.perf_counter()
                for feed in batches[name]:
                    session.run(None, feed)
                if number:  # the first round warms up
                    speeds[name].append(len(sequences) / (time.perf_counter() - started))
        found[batch, threads] = speeds
    return found


def print_sizes(graphs: dict[str, onnx.ModelProto], sequences: Sequence[Array]) -> None:
    tokens = sum(map(len, sequences))
    print(f"{len(sequences)} validation reviews, {tokens / len(sequences):.0f} tokens on average\n")
    print("| graph | recurrent ops | bytes |\n| --- | --- | --- |")
    for name, graph in graphs.items():
        ops = [node.op_type for node in graph.graph.node]
        kinds = [kind for kind in ("Loop", "LSTM", "DynamicQuantizeLSTM") if kind in ops]
        print(f"| {name} | {', '.join(f'{ops.count(kind)} {kind}' for kind in kinds)} | {graph.ByteSize():,} |")
    print()


def print_speed(speeds: Seconds) -> None:
    headings = [
        f"batch {batch}, {threads} thread{'s' if threads > 1 else ''} (reviews/s) | ratio" for batch, threads in speeds
    ]
    print(f"| graph | {' | '.join(headings)} |\n| ---{' | ---' * 2 * len(headings)} |")
    names = list(next(iter(speeds.values())))
    for name in names:
        cells = []
        for by_graph in speeds.values():
            ratios = [own / base for own, base in zip(by_graph[name], by_graph[names[0]], strict=True)]
            cells += [f"{np.median(by_graph[name]):,.0f}", f"{np.median(ratios):.1f}"]
        print(f"| {name} | {' | '.join(cells)} |")
    print()


def print_precisions(bundle: Bundle, sequences: Sequence[Array]) -> None:
    """Print the effect of 8-bit weights, and of batch neighbours in each precision, on the trained model."""
    alone: dict[str, Array] = {}
    print(
        f"| {bundle.manifest.name} {bundle.manifest.version} | alone - in a batch of 32, probability |\n| --- | --- |"
    )
    for precision, file in bundle.manifest.precisions.items():
        session = open_session(bundle.read(file), 1)
        runs = [session.run(["probability"], feeds(session, [sequence]))[0] for sequence in sequences]
        alone[precision] = np.concatenate(runs)
        batches = [sequences[start : start + 32] for start in range(0, len(sequences), 32)]
        together = np.concatenate([session.run(["probability"], feeds(session, batch))[0] for batch in batches])
        print(f"| {precision} | {np.abs(alone[precision] - together).max():.1e} |")
    if alone.keys() >= {"fp32", "int8"}:
        difference = np.abs(alone["int8"] - alone["fp32"])
        agreement = np.mean((alone["int8"] >= 0.5) == (alone["fp32"] >= 0.5))
        print(
            f"\nint8 - fp32, one review per run: probability differs by {difference.max():.1e} at most and "
            f"{difference.mean():.1e} on average; the label agrees on {100 * agreement:.2f} %"
        )


if __name__ == "__main__":
    main()
