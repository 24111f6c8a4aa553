"""A teacher that is a weighted ensemble of trained models."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from sentiline.bundle import Bundle
from sentiline.cpus import available_cpus
from sentiline.graph import Graph
from sentiline.reference.activations import sigmoid
from training.distillation.ngram_teacher import NgramRun, NgramTeacher
from training.nn.backend import compile_function
from training.nn.model import SentimentModel, build_model
from training.run import checkpoint
from training.supervised.run_folder import Run
from training.supervised.trainer import BATCH, assign_weights, model_logits, predict_logits

Documents = Sequence[NDArray[np.int32]]


class Member(Protocol):
    """One model of an ensemble.

    Attributes:
        name: The name shown to users.
        identity: A hexadecimal digest of the model's weights.
    """

    name: str
    identity: str

    def logits(self, documents: Documents) -> NDArray[np.float64]:
        """Return the logits of token id sequences, float64 [n]."""


class NgramMember:
    """The n-gram classifier trained on all training reviews."""

    def __init__(self, run: NgramRun) -> None:
        """Load a finished run; see `NgramTeacher.load`."""
        self.teacher = NgramTeacher.load(run)
        self.name = "ngrams"
        self.identity = hashlib.sha256(run.model.read_bytes()).hexdigest()

    def logits(self, documents: Documents) -> NDArray[np.float64]:
        """See `Member`."""
        return self.teacher.logits(documents)


class RecurrentMember:
    """A trained recurrent model, loaded from its run folder."""

    def __init__(self, run: Run) -> None:
        """Load the best weights of a run.

        Raises:
            CheckpointError: The run has not finished an epoch.
        """
        config, _ = run.read_config()
        self.name = run.folder.name
        self.model: SentimentModel = build_model(
            dataclasses.replace(config, compute="bfloat16"), len(run.read_tokenizer().vocabulary)
        )
        weights, _ = checkpoint.load(run.best)
        self.identity = hashlib.sha256(run.best.read_bytes()).hexdigest()
        assign_weights(self.model, weights)
        self._read = compile_function(lambda ids, lengths: model_logits(self.model, ids, lengths), *BATCH)

    def logits(self, documents: Documents) -> NDArray[np.float64]:
        """See `Member`."""
        return predict_logits(self._read, documents)


class BundleMember:
    """A shipped or exported model, loaded from its bundle and run as it is served: one text per run."""

    def __init__(self, bundle: Bundle) -> None:
        """Load a bundle's default graph.

        Raises:
            BundleCorruptError: A file is damaged.
        """
        manifest = bundle.manifest
        self.name, self.identity = bundle.path.name, manifest.digest
        file = manifest.precisions[manifest.default_precision]
        self._graph = Graph(
            bundle.read(file),
            bundle.path / file,
            additive=manifest.additive,
            vocabulary=len(bundle.tokenizer().vocabulary),
        )

    def logits(self, documents: Documents) -> NDArray[np.float64]:
        """See `Member`."""
        with ThreadPoolExecutor(available_cpus()) as pool:
            return np.fromiter(pool.map(self._logit, documents), np.float64, len(documents))

    def _logit(self, ids: NDArray[np.int32]) -> float:
        return float(self._graph.run(ids)["logit"][0])


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """A weighted sum of logits.

    Attributes:
        names: The names of the members.
        weights: float64 [members], all at least 0.
        accuracies: The accuracy in percent of each member and, last, of the ensemble, on the reviews that the weights
            were fitted on.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float64]
    accuracies: tuple[float, ...]

    def combine(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Combine the logits of the members, [members, n], into those of the ensemble, [n]."""
        return np.asarray(self.weights @ logits)

    def as_dict(self) -> dict[str, Any]:
        """Return members, weights and accuracies, JSON-ready."""
        return {
            "members": {
                name: {"weight": round(float(weight), 4), "validation_accuracy": round(accuracy, 2)}
                for name, weight, accuracy in zip(self.names, self.weights, self.accuracies, strict=False)
            },
            "validation_accuracy": round(self.accuracies[-1], 2),
        }


def fit_ensemble(names: Sequence[str], logits: NDArray[np.float64], labels: NDArray[np.int8]) -> Ensemble:
    """Fit the weights to validation labels by logistic regression without a bias.

    Members with a negative weight are left out, and the rest is fitted again.

    Args:
        names: The names of the members.
        logits: float64 [members, n], the members' logits of the validation reviews.
        labels: int8 [n].
    """
    kept = list(range(len(names)))
    while True:
        coefficients = LogisticRegression(C=1.0, fit_intercept=False).fit(logits[kept].T, labels).coef_[0]
        if (coefficients >= 0).all() or len(kept) == 1:
            break
        kept = [index for index, weight in zip(kept, coefficients, strict=True) if weight >= 0]
    weights = np.zeros(len(names))
    weights[kept] = coefficients
    margins = [*logits, weights @ logits]
    accuracies = tuple(float(100 * ((margin >= 0) == (labels == 1)).mean()) for margin in margins)
    return Ensemble(tuple(names), weights, accuracies)


def blend_targets(labels: NDArray[np.int8], logits: NDArray[np.float64], trust: float) -> NDArray[np.float32]:
    """Soften the labels of reviews with the prediction of a teacher that was not trained on them.

        target = trust · label + (1 − trust) · σ(logit)

    Args:
        labels: int8 [n], 0 or 1.
        logits: float64 [n], out-of-fold logits.
        trust: The weight of the label.
    """
    return (trust * labels + (1 - trust) * sigmoid(logits)).astype(np.float32)
