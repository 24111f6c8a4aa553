"""Gate matrices on concat(h, x), as notebooks keep them, joined to the reference's W, U and b and split again."""

from __future__ import annotations

import numpy as np

from sentiline.reference.arrays import Params


def join_gates(parameters: Params, gates: str, features: int) -> Params:
    """The reference's parameters, columns in the order of `gates`.

    Args:
        parameters: W followed by the gate's letter, (n_a, n_a + n_x), and b followed by it, (n_a, 1).
        gates: The letters.
        features: n_x.

    Returns:
        `W` [n_x, G·n_a], `U` [n_a, G·n_a], `b` [G·n_a].

    Raises:
        ValueError: The matrices have another width than n_a + n_x.
    """
    stacked = np.concatenate([parameters[f"W{gate}"] for gate in gates])  # (G · n_a, n_a + n_x)
    units = len(stacked) // len(gates)
    if stacked.shape[1] != units + features:
        raise ValueError(
            f"W{gates[0]} has shape {(units, stacked.shape[1])}; it acts on the state above the input, "
            f"so it must be ({units}, {units} + {features})"
        )
    bias = np.concatenate([parameters[f"b{gate}"] for gate in gates])[:, 0]
    return {"W": stacked[:, units:].T, "U": stacked[:, :units].T, "b": bias}


def split_gates(dparams: Params, gates: str) -> Params:
    """Gradients of the notebook's parameters: dW and db of each gate, from those of `W`, `U` and `b`."""
    stacked = np.concatenate([dparams["U"], dparams["W"]]).T  # (G · n_a, n_a + n_x)
    weights = np.split(stacked, len(gates))
    biases = np.split(dparams["b"][:, None], len(gates))
    named = {f"dW{gate}": weight for gate, weight in zip(gates, weights, strict=True)}
    return named | {f"db{gate}": bias for gate, bias in zip(gates, biases, strict=True)}
