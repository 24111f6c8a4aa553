"""Measure the cost of exact explanations: the flagship's additive head against max-pooling with a hidden layer.

Both heads use the same BiLSTM with the same initial weights and see the same batches. Max-pooling with a ReLU layer
(Conneau et al. 2017) is the usual choice, but its logit is not a sum over timesteps. Accuracy and cross-entropy are
those of the film-disjoint validation part.

Usage: IMDB_ARCHIVE=… python -m benchmarks.pooling [--init encoder] [--targets runs/targets.npz] [--seeds 0 1 2]
       [--fit '{"epochs": 3}'] [--markdown FILE] [--json FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.lib.tables import Table, machine, publish
from training.config.fit import FitConfig
from training.config.presets import PRESETS
from training.data.dataset import Dataset, bucketed_batches, encode, pad
from training.data.targets import Targets
from training.nn import backend
from training.nn.encoder import Encoder, load_encoder
from training.nn.heads import Tensor, time_mask
from training.nn.model import build_model
from training.run.progress import FitProgress
from training.supervised import fit_data
from training.supervised.trainer import Trainer

ADDITIVE, MAXIMUM = "additive: mean and attention, one linear layer", "max-pooling, a ReLU layer, a linear layer"


class MaximumHead(keras.layers.Layer):
    """Max-pooling over the states, a ReLU layer and a linear layer.

    logit = w · relu(V max_t h_t + c) + b
    """

    def __init__(self, hidden: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(hidden, activation="relu", name="hidden")
        self.output_layer = keras.layers.Dense(1, name="output")

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        """Create the weights; Keras calls this with the shape of the inputs."""
        self.hidden.build(states_shape)
        self.output_layer.build(self.hidden.compute_output_shape(states_shape))

    def logit(self, states: Tensor, lengths: Tensor, keep: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return the logit of each review, [B]; the arguments are those of `training.nn.heads.PoolingHead.logit`."""
        outside = 1 - time_mask(states, lengths)
        pooled = ops.max(states - 2 * outside[..., None], axis=1)  # states lie within ±1
        return self.output_layer(self.hidden(pooled if keep is None else pooled * keep[0]))[..., 0]


def fit(
    config: FitConfig,
    train: Dataset,
    validation: Dataset,
    words: int,
    encoder: Encoder | None,
    head: keras.layers.Layer | None,
    progress: FitProgress,
) -> dict[str, Any]:
    """Fit one head, and return the metrics of its best epoch by validation loss and its number of parameters."""
    model = build_model(config, words, None, encoder, head)
    steps = -(-len(train.ids) // config.batch_size)
    trainer = Trainer(config, model, steps * config.epochs)
    begun, best = time.monotonic(), (np.inf, 0.0)
    for epoch in range(config.epochs):
        seen = loss = right = 0.0
        progress.epoch(epoch + 1, config.epochs, len(train.ids))
        for batch in bucketed_batches(train.lengths, config.batch_size, np.random.default_rng([config.seed, epoch])):
            of_batch, correct = trainer.step(*pad([train.ids[index] for index in batch]), train.labels[batch])
            seen, loss, right = seen + len(batch), loss + of_batch * len(batch), right + correct * len(batch)
            progress.advance(len(batch), loss=loss / seen, accuracy=right / seen)
        best = min(best, trainer.evaluate(validation))
        progress.note(f"epoch {epoch + 1}/{config.epochs}: best validation loss {best[0]:.4f}, accuracy {best[1]:.4f}")
    return {
        "loss": best[0],
        "accuracy": 100 * best[1],
        "head_parameters": int(sum(np.prod(weight.shape) for weight in model.head.trainable_variables)),
        "seconds": time.monotonic() - begun,
    }


def table(results: dict[str, list[dict[str, Any]]]) -> Table:
    """Return a table of means over the seeds, with the lowest and highest accuracy."""
    rows = []
    for name, found in results.items():
        accuracies = [result["accuracy"] for result in found]
        span = f" ({min(accuracies):.2f}…{max(accuracies):.2f})" if len(found) > 1 else ""
        loss = np.mean([result["loss"] for result in found])
        rows.append([name, f"{found[0]['head_parameters']:,}", f"{np.mean(accuracies):.2f}{span}", f"{loss:.4f}"])
    return Table(["head", "its parameters", "validation accuracy, %", "cross-entropy"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--init", default="encoder", help='"encoder", the shipped one, or an encoder.npz')
    parser.add_argument("--targets", type=Path, help="teacher targets to fit instead of the labels")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--hidden", type=int, default=64, help="number of units of the ReLU layer")
    parser.add_argument("--fit", default="{}", help="fields of the recipe to change, as JSON")
    parser.add_argument("--threads", type=int, help="TensorFlow threads; default all cores")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args(arguments)
    backend.configure(options.threads)
    changes = {"epochs": 3, "splices": 0.0, **json.loads(options.fit)}  # splices need scores at every timestep
    config = dataclasses.replace(PRESETS["bilstm-student"], **changes)
    about, encoder = machine(), load_encoder(options.init)
    data = fit_data.with_initial_weights(
        fit_data.from_imdb(config, options.archive), encoder, Targets.load(options.targets) if options.targets else None
    )
    cut = encoder.tokenizer.with_limit(config.max_tokens)
    train = data.targets.dataset() if data.targets is not None else encode(data.train, cut)
    validation = encode(data.validation, cut)
    results: dict[str, list[dict[str, Any]]] = {ADDITIVE: [], MAXIMUM: []}
    with FitProgress() as progress:
        for seed in options.seeds:
            for name, found in results.items():
                head = MaximumHead(options.hidden, name="head") if name == MAXIMUM else None
                progress.note(f"{name}, seed {seed}")
                seeded = dataclasses.replace(config, seed=seed)
                words = len(cut.vocabulary)
                found.append(fit(seeded, train, validation, words, encoder, head, progress))
    learned = "a teacher's predictions" if data.targets is not None else "labels"
    intro = (
        f"{len(train.ids):,} texts with {learned}, {config.epochs} epochs of `{config.name}`, {len(options.seeds)} "
        f"seed(s); {len(validation.ids):,} validation reviews; {about}."
    )
    publish([intro, table(results)], results, options)


if __name__ == "__main__":
    main()
