"""Vanishing and exploding gradients on real reviews, in numpy: the plots and tables of docs/gradients.md.

Usage: python -m benchmarks.gradients [--archive aclImdb_v1.tar.gz] [--reviews 100] [--output docs]

Draws docs/images/gradients-*.png and writes the tables between the two "measured" markers of docs/gradients.md. The
trained weights are those of the installed models rnn, gru and lstm; missing models are reported and left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.lib.clipping import FACTOR, LIMIT, RATE, Trajectory, train
from benchmarks.lib.gradient_plots import Norms, draw_clipping, draw_norms
from benchmarks.lib.tables import Table, replace_block
from sentiline.bundle import Bundle, find, installed
from sentiline.reference import LSTM, RNN, Cell, gradient_norms, gru_cell, unroll_forward
from sentiline.reference.arrays import Array, Params
from sentiline.reference.initial import initialize_cell
from sentiline.tokenizer import Tokenizer
from sentiline.verification.onnx_weights import read_weights
from training.data import imdb

UNITS, FEATURES, STEPS = 64, 128, 200
# Standard deviation of the word vectors that `training.nn.model` starts from.
VECTORS_STDDEV = 0.5
# Bias of an open gate: sigmoid(4) = 0.98.
OPEN = 4.0
FACTORS = (0.5, 1.0, 1.5, 2.0, 4.0)
TRAINED = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
EARLY = 50
SHOWN = (1, 10, 50, 100, 199)
RATE_FROM, RATE_TO = 10, 100
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


@dataclass(frozen=True)
class Subject:
    """A recurrent layer and its inputs.

    Attributes:
        name: The name in plots and tables.
        cell: The cell.
        params: The weights.
        x: The word vectors, [reviews, STEPS, F].
    """

    name: str
    cell: Cell
    params: Params
    x: Array


def last_tokens(texts: Iterable[str], tokenizer: Tokenizer, count: int) -> Array:
    """Return the last STEPS token ids of the first `count` texts that have as many, [count, STEPS]."""
    whole = tokenizer.with_limit(100_000)
    ids = (whole.encode(text).ids for text in texts)
    found = [row[-STEPS:] for row, _ in zip((row for row in ids if len(row) >= STEPS), range(count), strict=False)]
    if len(found) < count:
        raise SystemExit(f"only {len(found)} reviews have {STEPS} tokens; ask for fewer (--reviews)")
    return np.stack(found)


def initial(x: Array) -> list[Subject]:
    """Return RNN, GRU and LSTM with Keras's initial weights, then GRU and LSTM with open gates."""
    cells = {"RNN": RNN, "GRU": gru_cell("keep", "after"), "LSTM": LSTM}
    drawn = {name: initialize_cell(np.random.default_rng(1), cell, FEATURES, UNITS) for name, cell in cells.items()}
    subjects = [Subject(name, cell, drawn[name], x) for name, cell in cells.items()]
    gates = {"GRU": slice(0, UNITS), "LSTM": slice(UNITS, 2 * UNITS)}  # columns of z, and of f
    for name, gate in gates.items():
        params = {**drawn[name], "b": drawn[name]["b"].copy()}
        params["b"][gate] = OPEN
        subjects.append(Subject(f"{name}, gate bias {OPEN:g}", cells[name], params, x))
    return subjects


def scaled(x: Array) -> list[Subject]:
    """Return RNNs whose recurrent matrix is orthogonal times a factor, which is its spectral norm."""
    base = initialize_cell(np.random.default_rng(1), RNN, FEATURES, UNITS)
    return [Subject(f"{factor:g}", RNN, {**base, "U": factor * base["U"]}, x) for factor in FACTORS]


def trained(bundle: Bundle, name: str, texts: Sequence[str], count: int) -> Subject:
    """Return the recurrent layer of a forward bundle with its own word vectors."""
    graph = bundle.manifest.precisions[bundle.precision()]
    head = bundle.manifest.document["architecture"]["head"]
    weights = read_weights(bundle.read(graph), head, str(bundle.path / graph))
    (layer,) = weights.layers
    x = weights.embedding[last_tokens(texts, bundle.tokenizer(), count)]
    return Subject(name, layer.cell, layer.params[0], x)


def norms(subject: Subject) -> Norms:
    """Return the norms, k steps before the last state, of a gradient of norm 1 in one random direction per review."""
    units = subject.params["U"].shape[0]
    dlast = np.random.default_rng(2).standard_normal((len(subject.x), units))
    dlast /= np.linalg.norm(dlast, axis=1, keepdims=True)
    return gradient_norms(subject.cell, subject.x, subject.params, dlast)


def rms_derivative(subject: Subject) -> float:
    """Return the root mean square of tanh′ over all states of an RNN."""
    h, _, _ = unroll_forward(subject.cell, subject.x, subject.params)
    return float(np.sqrt(((1 - h**2) ** 2).mean()))


def norm_table(subjects: Sequence[Subject], measured: Mapping[str, Norms], first: str) -> Table:
    """Return a table of geometric means over the reviews and the factor by which they change per step."""
    header = [first, *(f"k = {k}" for k in SHOWN), "factor per step", "‖U‖₂", "‖U‖₂ · rms(1 - h²)"]
    rows = []
    for subject in subjects:
        logs = np.log10(measured[subject.name]).mean(axis=0)
        step = 10 ** ((logs[RATE_TO] - logs[RATE_FROM]) / (RATE_TO - RATE_FROM))
        spectral = float(np.linalg.norm(subject.params["U"], 2))
        plain = subject.cell.gates == 1  # of a gated cell no one matrix is the Jacobian
        estimate = [f"{spectral:.2f}", f"{spectral * rms_derivative(subject):.3f}"] if plain else ["", ""]
        rows.append([subject.name, *(f"{10 ** logs[k]:.1e}" for k in SHOWN), f"{step:.3f}", *estimate])
    return Table(header, rows)


def clipping_table(runs: Mapping[str, Sequence[Trajectory]], tail: int) -> Table:
    """Return a table of the final losses and the largest gradients of the runs."""
    ends_of = f"loss, mean of the last {tail} batches, by seed"
    header = ["", ends_of, "seeds below 0.1", "largest gradient norm", f"rms(1 - h²) after {EARLY} updates"]
    rows = []
    for name, found in runs.items():
        ends = [float(run.losses[-tail:].mean()) for run in found]
        largest = max(float(run.norms.max()) for run in found)
        learned = f"{sum(end < 0.1 for end in ends)} of {len(ends)}"
        early = ", ".join(f"{run.derivatives[EARLY]:.2f}" for run in found)
        rows.append([name, ", ".join(f"{end:.3f}" for end in ends), learned, f"{largest:.0f}", early])
    return Table(header, rows)


def main() -> None:
    """Measure, plot, and update the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path)
    parser.add_argument("--reviews", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--updates", type=int, default=400, help=f"more than {EARLY}")
    parser.add_argument("--output", type=Path, default=Path("docs"))
    options = parser.parse_args()
    _, validation = imdb.split(imdb.load(options.archive).train)
    order = np.random.default_rng(0).permutation(len(validation))
    texts = [validation[index].text for index in order]

    tokenizer = find("bilstm").tokenizer()
    vectors = np.random.default_rng(0).normal(0, VECTORS_STDDEV, (len(tokenizer.vocabulary), FEATURES))
    x = vectors[last_tokens(texts, tokenizer, options.reviews)]
    fresh, factors = initial(x), scaled(x)
    present = [name for name in TRAINED if name in installed()]
    shipped = [trained(find(name), TRAINED[name], texts, options.reviews) for name in present]
    measured = [{subject.name: norms(subject) for subject in group} for group in (fresh, factors, shipped)]
    images = options.output / "images"
    draw_norms(
        {"Initial weights": measured[0], "RNN: orthogonal U times a factor": measured[1]},
        images / "gradients-initial.png",
    )
    blocks: list[str | Table] = [
        f"Initial weights, {UNITS} units, {options.reviews} reviews; geometric means over the reviews:",
        norm_table(fresh, measured[0], "cell"),
        "The RNN with its recurrent matrix multiplied:",
        norm_table(factors, measured[1], "factor"),
    ]
    if shipped:
        draw_norms({"Trained weights": measured[2]}, images / "gradients-trained.png")
        blocks += [
            f"Trained weights of the models {', '.join(f'`{name}`' for name in present)}:",
            norm_table(shipped, measured[2], "cell"),
            "![Gradient norm by distance from the last timestep, trained weights](images/gradients-trained.png)",
        ]
    runs = {
        name: [train(seed, options.updates, limit) for seed in range(options.seeds)]
        for name, limit in (("without clipping", None), (f"clipped to norm {LIMIT:g}", LIMIT))
    }
    draw_clipping(runs, images / "gradients-clipping.png")
    blocks += [
        f"Clipping: an RNN with ‖U‖₂ = {FACTOR:g}, gradient descent with rate {RATE:g}, {options.updates} updates:",
        clipping_table(runs, 50),
    ]
    replace_block(options.output / "gradients.md", BEGIN, END, blocks)
    print("\n\n".join(map(str, blocks)))
    missing = sorted(set(TRAINED) - set(present))
    if missing:
        print(f"\nnot installed, so not measured: {', '.join(missing)}")


if __name__ == "__main__":
    main()
