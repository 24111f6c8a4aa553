"""A small bidirectional LSTM classifier of token ids, trained in numpy alone: the default model in miniature."""

from __future__ import annotations

import numpy as np

from sentiline.reference.adam import initialize_adam, update_adam
from sentiline.reference.arguments import gradient, takes
from sentiline.reference.arrays import Array, Cache, Params
from sentiline.reference.bidirectional import bidirectional_backward, bidirectional_forward
from sentiline.reference.embedding import embedding_backward, embedding_forward
from sentiline.reference.initial import glorot_uniform, initialize_cell
from sentiline.reference.losses import binary_cross_entropy_backward, binary_cross_entropy_forward
from sentiline.reference.lstm import LSTM
from sentiline.reference.pooling import (
    attention_pool_backward,
    attention_pool_forward,
    mean_pool_backward,
    mean_pool_forward,
)

_SHAPES = {"embedding": "V F", "attention": "2U", "w_mean": "2U", "w_attention": "2U", "bias": ""}
_SHAPES |= {f"{direction}.W": "F 4U" for direction in ("forward", "backward")}
_SHAPES |= {f"{direction}.U": "U 4U" for direction in ("forward", "backward")}
_SHAPES |= {f"{direction}.b": "4U" for direction in ("forward", "backward")}


def initialize_classifier(rng: np.random.Generator, vocabulary: int, features: int, units: int) -> Params:
    """Random weights, float64.

    Args:
        rng: Source of randomness.
        vocabulary: Number of token ids, padding (0) included.
        features: F, width of a word vector.
        units: U, in each direction.

    Returns:
        `embedding` [V, F]; `forward.W`, `.U`, `.b` and `backward.W`, `.U`, `.b` as in `lstm_cell_forward`;
        `attention` [2U]; `w_mean`, `w_attention` [2U]; `bias` [].
    """
    params: Params = {"embedding": rng.uniform(-0.05, 0.05, (vocabulary, features))}
    for direction in ("forward", "backward"):
        cell = initialize_cell(rng, LSTM, features, units)
        params |= {f"{direction}.{name}": value for name, value in cell.items()}
    params["attention"] = np.zeros(2 * units)
    params["w_mean"], params["w_attention"] = glorot_uniform(rng, 2 * units, 2).T
    params["bias"] = np.zeros(())
    return params


@takes(ids="int:B T", params=_SHAPES, lengths="int:B")
def classifier_forward(ids: Array, params: Params, lengths: Array | None = None) -> tuple[Array, Cache]:
    """Logits of a batch.

        x_t = E[id_t]      h = bidirectional LSTM (x)
        z = b + w_mean · mean_t(h_t) + w_att · Σ_t α_t h_t      α = softmax_t(u · h_t)

    Args:
        ids: int [B, T], right-padded.
        params: See `initialize_classifier`.
        lengths: int [B], or None where every sequence is full.

    Returns:
        (logits, cache): [B]; what `classifier_backward` needs.
    """
    x, embedded = embedding_forward(ids, params["embedding"])  # [B, T, F]
    cells = (_direction(params, "forward"), _direction(params, "backward"))
    h, _, recurrent = bidirectional_forward(LSTM, x, cells, lengths)  # [B, T, 2U]
    mean, averaged = mean_pool_forward(h, lengths)  # [B, 2U]
    context, attended = attention_pool_forward(h, params["attention"], lengths)  # [B, 2U]
    logits = params["bias"] + mean @ params["w_mean"] + context @ params["w_attention"]  # [B]
    return logits, (params, embedded, recurrent, averaged, attended, mean, context)


def classifier_backward(dlogits: Array, cache: Cache) -> Params:
    """Gradients of all weights.

        dw_mean = Σ_b dz mean      dw_att = Σ_b dz context      db = Σ_b dz
        dh = mean_pool′(dz w_mean) + attention_pool′(dz w_att), then down through LSTM and embedding

    Args:
        dlogits: [B].
        cache: The cache of `classifier_forward`.
    """
    params, embedded, recurrent, averaged, attended, mean, context = cache
    dlogits = gradient("dlogits", dlogits, (len(mean),))
    dh_mean = mean_pool_backward(np.outer(dlogits, params["w_mean"]), averaged)  # [B, T, 2U]
    dh_attention, dattention = attention_pool_backward(np.outer(dlogits, params["w_attention"]), attended)
    both = bidirectional_backward(dh_mean + dh_attention, None, recurrent)
    gradients = {
        "embedding": embedding_backward(both.dx, embedded),  # [V, F]
        "attention": dattention,  # [2U]
        "w_mean": dlogits @ mean,  # [2U]
        "w_attention": dlogits @ context,  # [2U]
        "bias": dlogits.sum(),  # []
    }
    for direction, unrolled in (("forward", both.forward), ("backward", both.backward)):
        gradients |= {f"{direction}.{name}": value for name, value in unrolled.dparams.items()}
    return gradients


@takes(ids="int:B T", labels="B", params=_SHAPES, lengths="int:B")
def loss_and_gradients(ids: Array, labels: Array, params: Params, lengths: Array | None = None) -> tuple[Array, Params]:
    """Mean binary cross-entropy of a batch, and its gradients.

    Args:
        ids: int [B, T], right-padded.
        labels: [B], 0 or 1.
        params: See `initialize_classifier`.
        lengths: int [B], or None where every sequence is full.
    """
    logits, cache = classifier_forward(ids, params, lengths)  # [B]
    loss, loss_cache = binary_cross_entropy_forward(logits, labels)
    return loss, classifier_backward(binary_cross_entropy_backward(1.0, loss_cache), cache)


def train_classifier(
    batches: list[tuple[Array, Array, Array | None]], params: Params, learning_rate: float = 0.001
) -> tuple[Params, list[float]]:
    """One Adam step on each batch, in order.

    Args:
        batches: (ids, labels, lengths) as in `loss_and_gradients`.
        params: The weights to start from.
        learning_rate: The learning rate of Adam; its other settings are Keras's defaults.

    Returns:
        The trained weights, and the loss on every batch before its step.
    """
    m, v = initialize_adam(params)
    losses = []
    for step, (ids, labels, lengths) in enumerate(batches, start=1):
        loss, gradients = loss_and_gradients(ids, labels, params, lengths)
        params, m, v = update_adam(params, gradients, m, v, step, learning_rate)
        losses.append(float(loss))
    return params, losses


def _direction(params: Params, direction: str) -> Params:
    return {name: params[f"{direction}.{name}"] for name in ("W", "U", "b")}
