"""Ten architectures of plain Keras, with random weights large enough that a wrong order of gates shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

VOCABULARY = 30

L = keras.layers


def sequential(*layers: Any, mask: bool = True, time: int | None = None) -> keras.Model:
    """An Embedding and those layers, with random weights."""
    embedding = L.Embedding(VOCABULARY, 4, mask_zero=mask)
    return lively(keras.Sequential([L.Input((time,), dtype="int32"), embedding, *layers]))


def lively(model: keras.Model) -> keras.Model:
    """Assign random weights."""
    generator = np.random.default_rng(3)
    for weight in model.weights:
        if "seed" not in weight.name:
            weight.assign(generator.normal(0, 0.6, weight.shape))
    return model


def sigmoid(width: int = 1) -> Any:
    return L.Dense(width, activation="sigmoid")


def two_pools() -> keras.Model:
    ids = keras.Input((None,), dtype="int32")
    states = L.Bidirectional(L.GRU(3, return_sequences=True))(L.Embedding(VOCABULARY, 4)(ids))
    pools = [L.GlobalMaxPooling1D()(states), L.GlobalAveragePooling1D()(states)]
    return lively(keras.Model(ids, sigmoid()(L.Concatenate()(pools))))


def features() -> keras.Model:
    return lively(
        keras.Sequential(
            [
                L.Input((None, 3)),
                L.Masking(-1.0),
                L.LSTM(4, return_sequences=True),
                L.TimeDistributed(L.Dense(3, activation="relu")),
                L.LSTM(4),
                L.Dense(2),
            ]
        )
    )


ARCHITECTURES: dict[str, Callable[[], keras.Model]] = {
    "bidirectional LSTM": lambda: sequential(L.Bidirectional(L.LSTM(3)), sigmoid()),
    "LSTM without mask": lambda: sequential(L.LSTM(3), L.Dropout(0.5), sigmoid(), mask=False),
    "GRU": lambda: sequential(L.SpatialDropout1D(0.2), L.GRU(3), L.Dense(4, activation="relu"), sigmoid()),
    "GRU, reset before": lambda: sequential(L.GRU(3, reset_after=False, use_bias=False), L.Dense(2, "softmax")),
    "two simple RNNs": lambda: sequential(L.SimpleRNN(3, return_sequences=True), L.SimpleRNN(3, "relu"), sigmoid()),
    "backwards": lambda: sequential(L.LSTM(3, go_backwards=True, return_sequences=True), L.GRU(3), sigmoid()),
    "bidirectional, sum, average": lambda: sequential(
        L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="sum"), L.GlobalAveragePooling1D(), sigmoid()
    ),
    "LSTM, maximum": lambda: sequential(L.LSTM(3, return_sequences=True), L.GlobalMaxPooling1D(), sigmoid()),
    "two pools": two_pools,
    "features": features,
}
