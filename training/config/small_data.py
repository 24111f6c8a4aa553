"""A fit on few texts takes enough steps: smaller batches, then more epochs."""

from __future__ import annotations

import dataclasses
import math

from training.config.fit import FitConfig

LEAST_STEPS = 300
"""Of a fit. A recipe for tens of thousands of texts would take a few dozen on some hundred, and hardly move."""

LEAST_STEPS_FROM_LAYERS = 200
"""Of a fit that begins with recurrent layers of an encoder or of another fit."""

SMALL_BATCH = 16


def enough_steps(config: FitConfig, texts: int, *, from_layers: bool = False) -> FitConfig:
    """The recipe as it is, if it takes the least number of steps on so many texts; else one that does.

    Batches are halved first, down to `SMALL_BATCH`; then there are more epochs. A changed recipe has no `patience`: an
    epoch is a few steps, and a validation part so small that some epochs without a better one say nothing. The best
    epoch is kept all the same.

    Args:
        config: the recipe.
        texts: number of texts that are trained on.
        from_layers: see `training.supervised.warm_start.provides_recurrent_layers`.
    """
    least = LEAST_STEPS_FROM_LAYERS if from_layers else LEAST_STEPS
    size = config.batch_size
    while size > SMALL_BATCH and config.epochs * math.ceil(texts / size) < least:
        size = max(SMALL_BATCH, size // 2)
    epochs = max(config.epochs, math.ceil(least / math.ceil(texts / size)))
    if (size, epochs) == (config.batch_size, config.epochs):
        return config
    return dataclasses.replace(config, batch_size=size, epochs=epochs, patience=0)
