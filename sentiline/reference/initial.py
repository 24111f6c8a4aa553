"""Random initial weights of recurrent cells and dense layers, drawn as Keras draws them by default."""

from __future__ import annotations

import math

import numpy as np

from sentiline.reference.arrays import Array, Params
from sentiline.reference.cell import Cell


def glorot_uniform(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """[rows, columns] uniform within ±√(6 / (rows + columns)) (Glorot & Bengio, 2010)."""
    limit = math.sqrt(6.0 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """[rows, columns], rows ≤ columns, with orthonormal rows (Saxe et al., 2014).

    Raises:
        ValueError: There are more rows than columns.
    """
    if rows > columns:
        raise ValueError(f"{rows} rows of {columns} columns cannot be orthonormal; give at least as many columns")
    q, r = np.linalg.qr(rng.standard_normal((columns, rows)))
    return np.asarray((q * np.sign(np.diag(r))).T)


def initialize_cell(rng: np.random.Generator, cell: Cell, features: int, units: int, *, bias: bool = True) -> Params:
    """Weights of a recurrent cell.

    W is Glorot-uniform, U orthogonal, b zero; the forget gate of an LSTM starts at bias 1, so that it remembers
    before it has learned to (Jozefowicz et al., 2015).

    Args:
        rng: Source of randomness.
        cell: The cell.
        features: F.
        units: U.
        bias: Whether there is a `b`.

    Returns:
        `W` [F, gates·U], `U` [U, gates·U] and perhaps `b` [gates·U], float64.
    """
    columns = cell.gates * units
    params = {"W": glorot_uniform(rng, features, columns), "U": orthogonal(rng, units, columns)}
    if bias:
        params["b"] = np.zeros(columns)
        if cell.gates == 4:
            params["b"][units : 2 * units] = 1.0
    return params


def initialize_head(rng: np.random.Generator, units: int, outputs: int) -> Params:
    """Weights of a dense layer: `V` [units, outputs] Glorot-uniform, `c` [outputs] zero."""
    return {"V": glorot_uniform(rng, units, outputs), "c": np.zeros(outputs)}
