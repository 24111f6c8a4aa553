"""A fit of few labels takes enough steps: smaller batches, more epochs."""

from __future__ import annotations

import dataclasses
import math

from training.presets import FitConfig

LEAST_STEPS = 300
"""Of a fit. A recipe for tens of thousands of labels would take a few dozen on some hundred, and hardly move."""

LEAST_STEPS_FROM_WEIGHTS = 120
"""Of a fit that begins with an encoder or another fit."""

SMALL_BATCH = 16


def enough_steps(config: FitConfig, reviews: int, *, from_weights: bool = False) -> FitConfig:
    """The recipe as it is, if it takes the least number of steps on so many reviews; else one that does.

    Such a fit costs minutes, so that little is gained by stopping early: `patience` becomes 0. The best epoch is kept
    all the same.

    Args:
        config: the recipe.
        reviews: number of reviews that are trained on.
        from_weights: whether the fit begins with an encoder or another fit.
    """
    least = LEAST_STEPS_FROM_WEIGHTS if from_weights else LEAST_STEPS
    if config.epochs * math.ceil(reviews / config.batch_size) >= least:
        return config
    batch_size = min(config.batch_size, SMALL_BATCH)
    epochs = max(config.epochs, math.ceil(least / math.ceil(reviews / batch_size)))
    return dataclasses.replace(config, batch_size=batch_size, epochs=epochs, patience=0)
