"""Comparison of several models: figures from their manifests, and their speed measured in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentiline import Predictor
from sentiline.bundle import Bundle, Manifest, find, installed
from sentiline.errors import BundleNotFoundError, EmptyTextError
from training.config.presets import PRESETS
from training.errors import DataError

# The model relative to which the speed of the others is given.
BASELINE = "bilstm"

# Published validation accuracy of the classic baselines in percent; none was published for the other two.
PUBLISHED: Mapping[str, float] = {"rnn-1": 57.3, "lstm-1": 74.7, "gru-1": 70.2, "rnn-100": 62.5}

_BLOCKS = {"rnn": 1, "gru": 3, "lstm": 4}


@dataclass(frozen=True)
class Accuracy:
    """A measured accuracy in percent with half the width of its 95 % interval."""

    percent: float
    interval: float
    reviews: int


@dataclass(frozen=True)
class Speed:
    """The speed of a model's graph, one review per run on one thread.

    Attributes:
        milliseconds: The median over the rounds of the mean time per review.
        fastest: The time per review of the fastest round, in milliseconds.
        slowest: The time per review of the slowest round, in milliseconds.
        tokens: The mean number of tokens per review after the model's truncation.
        ratio: The median over the rounds of the speed relative to the baseline in the same round; None if the baseline
            was not measured.
    """

    milliseconds: float
    fastest: float
    slowest: float
    tokens: float
    ratio: float | None

    @property
    def reviews_per_second(self) -> float:
        """1000 / milliseconds."""
        return 1000 / self.milliseconds


@dataclass(frozen=True)
class ModelEntry:
    """One model of a comparison; None stands for a figure that its manifest lacks.

    Attributes:
        name: The model's name.
        precision: The bundle's default precision, to which all figures refer.
        architecture: The architecture in the manifest.
        parameters: The number of trainable parameters.
        graph_bytes: The size of the graph's file.
        history: One mapping per epoch.
        best_epoch: The number of the epoch whose weights were kept.
        config: The recipe.
        validation: The accuracy on the held-out reviews of train.
        test: The accuracy on test, as recorded by `evaluate --record`.
        speed: The speed measured in this comparison.
    """

    name: str
    precision: str
    architecture: Mapping[str, Any]
    parameters: int | None
    graph_bytes: int
    history: Sequence[Mapping[str, Any]]
    best_epoch: int | None
    config: Mapping[str, Any]
    validation: Accuracy | None
    test: Accuracy | None
    speed: Speed

    @property
    def seconds_per_epoch(self) -> float | None:
        """The mean training time per epoch."""
        return statistics.fmean(epoch["seconds"] for epoch in self.history) if self.history else None

    @property
    def reported_accuracy(self) -> tuple[str, Accuracy] | None:
        """("test", accuracy) if that is recorded, else ("validation", accuracy), else None."""
        found = ("test", self.test), ("validation", self.validation)
        return next(((part, accuracy) for part, accuracy in found if accuracy is not None), None)

    @property
    def recurrent_parameters(self) -> int | None:
        """The number of weights and biases of the recurrent layers; None if the recipe is not recorded.

        A layer of U units on F inputs has G·(F·U + U² + U) in each direction, G = 1, 3, 4 for RNN, GRU, LSTM; a GRU
        with `reset_after` has 3·U more.
        """
        if not self.config:
            return None
        config, total = self.config, 0
        units, width = config["units"], config["embedding"]
        sides = 2 if config["direction"] == "bidirectional" else 1
        biases = 2 if config["cell"] == "gru" and config["reset_after"] else 1
        for _ in range(config["layers"]):
            total += sides * _BLOCKS[config["cell"]] * units * (width + units + biases)
            width = sides * units
        return total


def select_bundles(names: Sequence[str]) -> list[Bundle]:
    """Return the bundles to compare in the order of the presets, then of their names.

    Args:
        names: Names or folders; empty for all installed models.

    Raises:
        BundleError: A model does not exist, there is no model at all, or a manifest is damaged.
    """
    bundles = {bundle.manifest.name: bundle for bundle in (find(name) for name in names or installed())}
    if not bundles:
        raise BundleNotFoundError("there is no model to compare; train one, or name folders", field="model")
    rank = {name: position for position, name in enumerate(PRESETS)}
    return [bundles[name] for name in sorted(bundles, key=lambda name: (rank.get(name, len(rank)), name))]


def compare_models(bundles: Sequence[Bundle], texts: Sequence[str], *, rounds: int = 7) -> list[ModelEntry]:
    """Combine the figures of the manifests with a new measurement of speed.

    Args:
        bundles: The bundles, as returned by `select_bundles`.
        texts: Raw reviews to time the graphs on.
        rounds: The number of rounds; see `measure_speed`.

    Raises:
        BundleCorruptError: A file of a bundle is damaged.
        DataError: No text has a token.
    """
    predictors = {bundle.manifest.name: Predictor(bundle, threads=1) for bundle in bundles}
    try:
        speeds = measure_speed(predictors, texts, rounds=rounds)
    finally:
        for predictor in predictors.values():
            predictor.close()
    return [make_entry(bundle.manifest, speeds[bundle.manifest.name]) for bundle in bundles]


def measure_speed(predictors: Mapping[str, Predictor], texts: Sequence[str], *, rounds: int) -> dict[str, Speed]:
    """Time every model's graph on the same, already tokenized reviews: one review per run, one thread.

    Every round times every model once, in random order, so that other load on the machine affects all models alike; the
    figures are medians over the rounds.

    Args:
        predictors: The predictors by model name.
        texts: Raw reviews; those without a token are left out.
        rounds: The number of rounds, at least 1.

    Raises:
        DataError: No text has a token.
    """
    encodings = {name: list(_encodings(predictor, texts)) for name, predictor in predictors.items()}
    seconds: dict[str, list[float]] = {name: [] for name in predictors}
    generator = np.random.default_rng(0)
    for _ in range(rounds):
        for name in generator.permutation(list(predictors)).tolist():
            run = predictors[name].run
            run(encodings[name][0])  # fill the processor's caches, which another model has just used
            started = time.perf_counter()
            for encoding in encodings[name]:
                run(encoding)
            seconds[name].append((time.perf_counter() - started) / len(encodings[name]))
    baseline = seconds.get(BASELINE)
    return {
        name: Speed(
            milliseconds=1000 * statistics.median(times),
            fastest=1000 * min(times),
            slowest=1000 * max(times),
            tokens=statistics.fmean(encoding.tokens_used for encoding in encodings[name]),
            ratio=None
            if baseline is None
            else statistics.median(theirs / ours for theirs, ours in zip(baseline, times, strict=True)),
        )
        for name, times in seconds.items()
    }


def _encodings(predictor: Predictor, texts: Sequence[str]) -> list[Any]:
    found = []
    for text in texts:
        try:
            found.append(predictor.tokenizer.encode(text))
        except EmptyTextError:
            continue
    if not found:
        raise DataError(f"none of the {len(texts)} texts to time the models on has a token", field="texts")
    return found


def make_entry(manifest: Manifest, speed: Speed) -> ModelEntry:
    """Combine the figures in a manifest with a measured speed."""
    document, precision = manifest.document, manifest.default_precision
    training = document.get("training", {})
    architecture = document.get("architecture", {})
    return ModelEntry(
        name=manifest.name,
        precision=precision,
        architecture=architecture,
        parameters=architecture.get("parameters"),
        graph_bytes=manifest.files[manifest.precisions[precision]].size,
        history=training.get("history", ()),
        best_epoch=training.get("best_epoch"),
        config=training.get("config", {}),
        validation=_accuracy(document, "validation", precision),
        test=_accuracy(document, "test", precision),
        speed=speed,
    )


def _accuracy(document: Mapping[str, Any], part: str, precision: str) -> Accuracy | None:
    figure = document.get("metrics", {}).get(part, {}).get(precision)
    return None if figure is None else Accuracy(figure["accuracy"], figure["interval"], figure["reviews"])
