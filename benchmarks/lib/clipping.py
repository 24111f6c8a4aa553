"""A recurrent network with exploding gradients, trained with and without clipping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentiline.reference import RNN, clip_by_global_norm, global_norm, unroll_backward, unroll_forward
from sentiline.reference.arrays import Array, Params
from sentiline.reference.heads import head_backward, head_forward
from sentiline.reference.initial import initialize_cell, initialize_head
from sentiline.reference.losses import binary_cross_entropy_backward, binary_cross_entropy_forward

SYMBOLS, TIME, UNITS, BATCH = 4, 20, 32, 32
FACTOR = 1.5  # scales the initial orthogonal recurrent matrix, and so is its spectral norm
RATE = 0.2
LIMIT = 1.0


@dataclass(frozen=True)
class Trajectory:
    """One training run.

    Attributes:
        losses: The loss of each batch before its update, [steps].
        norms: The global norm of each gradient before clipping, [steps].
        derivatives: The root mean square of tanh′ over all states, [steps]; it is small if they are saturated.
    """

    losses: Array
    norms: Array
    derivatives: Array


def draw_batch(rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw sequences of symbols, one of which, in the first half, is the label; the others are noise.

    Returns:
        (x, y): one-hot [BATCH, TIME, SYMBOLS]; labels [BATCH], 0 or 1.
    """
    ids = rng.integers(2, SYMBOLS, (BATCH, TIME))
    labels = rng.integers(0, 2, BATCH)
    ids[np.arange(BATCH), rng.integers(0, TIME // 2, BATCH)] = labels
    return np.eye(SYMBOLS)[ids], labels.astype(float)


def train(seed: int, steps: int, limit: float | None) -> Trajectory:
    """Train with plain gradient descent; equal seeds give equal initial weights and batches, whatever the limit.

    Args:
        seed: The seed of the initial weights and the batches.
        steps: The number of updates.
        limit: The largest global norm of the gradient in an update; None for no clipping.
    """
    rng = np.random.default_rng(seed)
    cell = initialize_cell(rng, RNN, SYMBOLS, UNITS)
    cell["U"] = FACTOR * cell["U"]
    head = initialize_head(rng, UNITS, 1)
    losses, norms, derivatives = np.zeros(steps), np.zeros(steps), np.zeros(steps)
    for step in range(steps):
        x, y = draw_batch(rng)
        h, (last,), unrolled = unroll_forward(RNN, x, cell)
        derivatives[step] = np.sqrt(((1 - h**2) ** 2).mean())
        logits, read = head_forward(last, head)  # [B, 1]
        losses[step], judged = binary_cross_entropy_forward(logits[:, 0], y)
        dlast, dhead = head_backward(binary_cross_entropy_backward(1.0, judged)[:, None], read)
        dcell = unroll_backward(np.zeros_like(h), (dlast,), unrolled).dparams
        gradients: Params = {f"cell.{name}": g for name, g in dcell.items()}
        gradients |= {f"head.{name}": g for name, g in dhead.items()}
        norms[step] = global_norm(gradients)
        if limit is not None:
            gradients = clip_by_global_norm(gradients, limit)
        cell = {name: value - RATE * gradients[f"cell.{name}"] for name, value in cell.items()}
        head = {name: value - RATE * gradients[f"head.{name}"] for name, value in head.items()}
    return Trajectory(losses, norms, derivatives)
