"""More steps for a fit on few texts: smaller batches, then more epochs."""

from __future__ import annotations

import dataclasses
import math

from training.config.fit import FitConfig

# A recipe for tens of thousands of texts would take a few dozen steps on some hundred, and hardly move.
MIN_STEPS = 300
# Recurrent layers of an encoder or of another fit have less to learn.
MIN_STEPS_FROM_LAYERS = 200
SMALL_BATCH = 16


def enough_steps(config: FitConfig, texts: int, *, from_layers: bool = False) -> FitConfig:
    """Adapt a recipe so that it takes the minimum number of steps; one that does so already is returned as it is.

    Batches are halved first, down to `SMALL_BATCH`; then epochs are added. The adapted recipe has no `patience`: an
    epoch is then a few steps, and on a validation part so small, some epochs without an improvement mean nothing. The
    best epoch is kept all the same.

    Args:
        config: The recipe.
        texts: The number of texts to train on.
        from_layers: Whether the fit starts from recurrent layers, see
            `training.nn.initial_weights.provides_recurrent_layers`.
    """
    minimum = MIN_STEPS_FROM_LAYERS if from_layers else MIN_STEPS
    size = config.batch_size
    while size > SMALL_BATCH and config.epochs * math.ceil(texts / size) < minimum:
        size = max(SMALL_BATCH, size // 2)
    epochs = max(config.epochs, math.ceil(minimum / math.ceil(texts / size)))
    if (size, epochs) == (config.batch_size, config.epochs):
        return config
    return dataclasses.replace(config, batch_size=size, epochs=epochs, patience=0)
