"""Compare the contributions of a bundle with leave-one-token-out and with deleting random tokens.

On random validation reviews, in fp32, one thread:
- leave-one-out: token t's effect is the logit of the whole review minus the logit of the review without t;
- rank correlation (Spearman) of contributions and effects, review by review, and whether the ten largest
  contributions have the sign of their effects;
- deletion: the k tokens with the largest contributions towards the verdict are removed at once; how far the logit
  moves away from the verdict, compared with the k largest effects and k random tokens (mean of ten draws);
- CPU time: contributions need only the run that gives the verdict, leave-one-out one run per token (in batches of 32).

Usage: IMDB_ARCHIVE=… python -m benchmarks.explanations [--reviews 200] [--model bilstm] [--output PICTURE]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import onnxruntime as ort
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import spearmanr

from sentiline.bundle import Bundle, find
from training.data import imdb
from training.data.dataset import encode, pad
from training.diagnostics.faithfulness import logit_drops

Array = NDArray[Any]
TOP = 10
DELETED = (1, 2, 5, 10, 20)
METHODS = ("contributions", "leave-one-out", "random")
_DRAWS = 10
_BATCH = 32
_REPEATS = 5
_INK, _COLORS = "#1f2937", {"contributions": "#c2410c", "leave-one-out": "#1f2937", "random": "#7a8aa0"}


@dataclass(frozen=True)
class Explained:
    """One review.

    Attributes:
        tokens: The number of tokens.
        correlation: Spearman's rank correlation of contributions and effects.
        signs: The share of the ten largest contributions with the sign of their effects.
        overlap: The share of the ten largest contributions among the ten largest effects.
        drops: How far the logit moves away from the verdict, by method, float64 [len(DELETED)].
        seconds: The CPU time of each method.
    """

    tokens: int
    correlation: float
    signs: float
    overlap: float
    drops: dict[str, Array]
    seconds: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--reviews", type=int, default=200)
    parser.add_argument("--model", default="bilstm")
    parser.add_argument("--output", type=Path, default=Path("docs/images/explanations.png"))
    options = parser.parse_args()
    bundle = find(options.model)
    graph = Graph(bundle)
    generator = np.random.default_rng(0)
    reviews = [explain(graph, ids, generator) for ids in sample(bundle, options.archive, options.reviews, generator)]
    print_table(bundle, reviews)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    draw(reviews).savefig(options.output, dpi=130, metadata={"Software": None})
    print(f"\nplot: {options.output}")


def sample(bundle: Bundle, archive: Path | None, count: int, generator: np.random.Generator) -> list[Array]:
    """Return the token ids of random validation reviews with more than 20 tokens, truncated as by the bundle."""
    _, validation = imdb.split(imdb.load(archive).train)
    order = generator.permutation(len(validation))
    ids = encode([validation[index] for index in order[: 2 * count]], bundle.tokenizer()).ids
    return [sequence for sequence in ids if len(sequence) > max(DELETED)][:count]


class Graph:
    """The bundle's fp32 graph on one thread."""

    def __init__(self, bundle: Bundle) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        content = bundle.read(bundle.manifest.precisions["fp32"])
        self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def contributions(self, ids: Array) -> tuple[float, Array]:
        """Return the logit and the contributions of one review."""
        padded, lengths = pad([ids])
        feed = {"input_ids": padded, "lengths": lengths}
        logit, contributions = self._session.run(["logit", "contributions"], feed)
        return float(logit[0]), contributions[0].astype(np.float64)

    def logits(self, sequences: Sequence[Array]) -> Array:
        """Return the logit of each sequence, computed in batches, float64 [len(sequences)]."""
        found = []
        for start in range(0, len(sequences), _BATCH):
            padded, lengths = pad(sequences[start : start + _BATCH])
            found.append(self._session.run(["logit"], {"input_ids": padded, "lengths": lengths})[0])
        return np.concatenate(found).astype(np.float64)


def explain(graph: Graph, ids: Array, generator: np.random.Generator) -> Explained:
    """Compare the explanations of one review, given as token ids, int32 [n]."""
    started = time.process_time()
    for _ in range(_REPEATS):
        logit, contributions = graph.contributions(ids)
    one_run = (time.process_time() - started) / _REPEATS
    started = time.process_time()
    effects = logit - graph.logits([np.delete(ids, position) for position in range(len(ids))])
    left_out = time.process_time() - started
    largest = np.argsort(-np.abs(contributions))[:TOP]
    verdict = 1 if logit > 0 else -1
    orders = {"contributions": np.argsort(-verdict * contributions), "leave-one-out": np.argsort(-verdict * effects)}
    drops = {name: logit_drops(graph.logits, ids, logit, [order], DELETED)[0] for name, order in orders.items()}
    shuffled = [generator.permutation(len(ids)) for _ in range(_DRAWS)]
    drops["random"] = logit_drops(graph.logits, ids, logit, shuffled, DELETED).mean(axis=0)
    return Explained(
        tokens=len(ids),
        correlation=float(spearmanr(contributions, effects).statistic),
        signs=float(np.mean(np.sign(contributions[largest]) == np.sign(effects[largest]))),
        overlap=len(set(largest) & set(np.argsort(-np.abs(effects))[:TOP])) / TOP,
        drops=drops,
        seconds={"contributions": one_run, "leave-one-out": left_out},
    )


def print_table(bundle: Bundle, reviews: Sequence[Explained]) -> None:
    correlations = np.array([review.correlation for review in reviews])
    low, middle, high = np.percentile(correlations, [10, 50, 90])
    ratios = [review.seconds["leave-one-out"] / review.seconds["contributions"] for review in reviews]
    print(
        f"{bundle.manifest.name} {bundle.manifest.version}, fp32, {len(reviews)} validation reviews of "
        f"{np.mean([review.tokens for review in reviews]):.0f} tokens on average\n"
    )
    print("| contributions compared with leave-one-out | |\n| --- | --- |")
    print(f"| rank correlation, median (10 % to 90 %) | {middle:.2f} ({low:.2f} to {high:.2f}) |")
    print(f"| same sign, ten largest contributions | {100 * np.mean([review.signs for review in reviews]):.1f} % |")
    print(f"| of them among the ten largest effects | {100 * np.mean([review.overlap for review in reviews]):.1f} % |")
    print(f"| CPU time of leave-one-out over that of one run, median | {np.median(ratios):.0f} |\n")
    print(f"| tokens deleted | {' | '.join(map(str, DELETED))} |\n| ---{' | ---' * len(DELETED)} |")
    for name in METHODS:
        means = np.mean([review.drops[name] for review in reviews], axis=0)
        print(f"| {name}: logit moves by | {' | '.join(f'{mean:.2f}' for mean in means)} |")


def draw(reviews: Sequence[Explained]) -> Figure:
    """Plot the rank correlations as a histogram and the deletions as curves."""
    with mpl.rc_context({"font.size": 9, "text.color": _INK, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(8, 3), layout="constrained")
        left, right = figure.subplots(1, 2)
        correlations = [review.correlation for review in reviews]
        left.hist(correlations, bins=np.linspace(-1, 1, 41).tolist(), color=_COLORS["contributions"])
        left.set(
            xlabel="rank correlation with leave-one-out", ylabel="reviews", title="Contributions against leave-one-out"
        )
        for name in METHODS:
            drops = np.array([review.drops[name] for review in reviews])
            error = 1.96 * drops.std(axis=0) / np.sqrt(len(drops))
            right.errorbar(
                DELETED,
                drops.mean(axis=0),
                error,
                marker="o",
                markersize=3.5,
                capsize=2,
                label=name,
                color=_COLORS[name],
            )
        right.set(xlabel="tokens deleted", ylabel="logit, away from the verdict", title="Deleting tokens")
        right.legend(frameon=False)
        return figure


if __name__ == "__main__":
    main()
