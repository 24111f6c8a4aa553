"""Integers, lists and both kinds of floats: every public function computes with them as it should, or says why not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sentiline.reference as reference
from sentiline.reference import LSTM, RNN, TANH, Layer, arrays, gru_cell, notebook, pooling, readings
from sentiline.reference.arguments import takes
from sentiline.reference.classifier import (
    classifier_backward,
    classifier_forward,
    initialize_classifier,
    loss_and_gradients,
    train_classifier,
)

B, T, F, U, O = 2, 3, 2, 4, 3  # noqa: E741
LENGTHS, CLASSES, CENTERS = np.array([3, 2]), np.array([2, 0]), np.array([1, 0])
IDS = np.array([[1, 2, 4], [3, 1, 0]])


def _whole(*shape: int, seed: int = 0) -> np.ndarray:
    """Small whole numbers, as integers."""
    return np.random.default_rng([seed, *shape]).integers(-2, 3, shape)


def _cell(gates: int, features: int = F) -> dict[str, np.ndarray]:
    return {"W": _whole(features, gates * U), "U": _whole(U, gates * U), "b": _whole(gates * U)}


def _columns(weights: str, acts_on: int) -> dict[str, np.ndarray]:
    """A notebook's parameters: matrices and biases of that many gates or weights, and the output's."""
    named = {f"W{letter}": _whole(U, acts_on, seed=seed) for seed, letter in enumerate(weights)}
    named |= {f"b{letter}": _whole(U, 1, seed=seed) for seed, letter in enumerate(weights)}
    return named | {"Wy": _whole(O, U), "by": _whole(O, 1)}


def _both(forward: Callable, backward: Callable, *gradients: Any, outputs: int = 1) -> Callable:
    """A forward function and, on the cache that it returns last, its backward function."""

    def call(*args: Any, **kwargs: Any) -> Any:
        *results, cache = forward(*args, **kwargs)
        return results[:outputs], backward(*(call.convert(g) for g in gradients), cache)

    call.convert = lambda value: value
    return call


POOLED = {"attention": _whole(U), "w_mean": _whole(U), "w_attention": _whole(U), "bias": np.array(1)}
ATTENTION = {name: _whole(F, 2) for name in ("W_q", "W_k", "W_v")} | {"W_o": _whole(2, O)}
CLASSIFIER = {
    name: np.asarray(np.rint(4 * value), int)
    for name, value in initialize_classifier(np.random.default_rng(0), 5, F, U).items()
}
R, N = reference, notebook
ELMAN = {"Wax": _whole(U, F), "Waa": _whole(U, U), "ba": _whole(U, 1), "Wya": _whole(O, U), "by": _whole(O, 1)}
MATRICES = [_whole(U, size, seed=seed) for seed in range(4) for size in (F, U)]
X, H, C, DA = _whole(F, B), _whole(U, B), _whole(U, B, seed=1), _whole(U, B, T)
XS = _whole(F, B, T)
ADAM = {"W1": _whole(O, U), "b1": _whole(O, 1)}
MOMENTS = {f"d{name}": value**2 for name, value in ADAM.items()}
LAST = {"v": _whole(U), "c": np.array(1)}

CALLS: dict[str, tuple[Callable, list[Any]]] = {
    **{
        name: (getattr(reference.activations, name), [_whole(2, 3)])
        for name in ("sigmoid", "sigmoid_derivative", "tanh", "tanh_derivative", "relu", "relu_derivative")
    },
    "linear": (reference.activations.linear, [_whole(2, 3)]),
    "linear_derivative": (reference.activations.linear_derivative, [_whole(2, 3)]),
    "softmax": (R.softmax, [_whole(2, 3)]),
    "softmax_backward": (reference.activations.softmax_backward, [_whole(2, 3), _whole(2, 3, seed=1)]),
    "rnn_cell": (_both(R.rnn_cell_forward, R.rnn_cell_backward, _whole(B, U)), [_whole(B, F), _whole(B, U), _cell(1)]),
    "gru_cell": (_both(R.gru_cell_forward, R.gru_cell_backward, _whole(B, U)), [_whole(B, F), _whole(B, U), _cell(3)]),
    "lstm_cell": (
        _both(R.lstm_cell_forward, R.lstm_cell_backward, _whole(B, U), _whole(B, U), outputs=2),
        [_whole(B, F), _whole(B, U), _whole(B, U, seed=1), _cell(4)],
    ),
    **{
        f"unroll {name}": (
            _both(R.unroll_forward, R.unroll_backward, _whole(B, T, U), None, outputs=2),
            [cell, _whole(B, T, F), _cell(cell.gates), LENGTHS, [_whole(B, U)] * cell.states],
        )
        for name, cell in (("rnn", RNN), ("gru", gru_cell()), ("lstm", LSTM))
    },
    "gradient_norms": (R.gradient_norms, [LSTM, _whole(B, T, F), _cell(4), _whole(B, U), LENGTHS]),
    "bidirectional": (
        _both(R.bidirectional_forward, R.bidirectional_backward, _whole(B, T, 2 * U), None, outputs=2),
        [LSTM, _whole(B, T, F), (_cell(4), _cell(4)), LENGTHS],
    ),
    "stack": (
        _both(R.stack_forward, R.stack_backward, _whole(B, T, U)),
        [[Layer(LSTM, (_cell(4), _cell(4))), Layer(RNN, (_cell(1, 2 * U),))], _whole(B, T, F), LENGTHS],
    ),
    "head": (_both(R.head_forward, R.head_backward, _whole(B, O)), [_whole(B, U), {"V": _whole(U, O), "c": _whole(O)}]),
    "dropout": (_both(R.dropout_forward, R.dropout_backward, _whole(B, F)), [_whole(B, F), np.array([[1, 0]]), 0.5]),
    "embedding": (_both(R.embedding_forward, R.embedding_backward, _whole(B, T, F)), [IDS, _whole(5, F)]),
    "mean_squared_error": (
        _both(R.mean_squared_error_forward, R.mean_squared_error_backward, 2),
        [_whole(B, O), _whole(B, O, seed=1), np.array([[1, 2, 1], [0, 1, 3]])],
    ),
    "binary_cross_entropy": (
        _both(R.binary_cross_entropy_forward, R.binary_cross_entropy_backward, 2),
        [_whole(B, O), np.array([[0, 1, 1], [1, 0, 0]]), np.array([[1, 2, 1], [0, 1, 3]])],
    ),
    "softmax_cross_entropy": (
        _both(R.softmax_cross_entropy_forward, R.softmax_cross_entropy_backward, 2),
        [_whole(B, O), CLASSES, np.array([1, 3])],
    ),
    "mean_pool": (_both(R.mean_pool_forward, R.mean_pool_backward, _whole(B, U)), [_whole(B, T, U), LENGTHS]),
    "max_pool": (_both(R.max_pool_forward, R.max_pool_backward, _whole(B, U)), [_whole(B, T, U), LENGTHS]),
    "attention_pool": (
        _both(R.attention_pool_forward, R.attention_pool_backward, _whole(B, U)),
        [_whole(B, T, U), _whole(U), LENGTHS],
    ),
    "attend": (
        _both(R.attend_forward, R.attend_backward, _whole(B, U), outputs=2),
        [_whole(B, O), _whole(B, T, U), _whole(O, U), LENGTHS, CENTERS, 1],
    ),
    "dot_product": (
        _both(R.dot_product_forward, R.dot_product_backward, _whole(B, T, O)),
        [_whole(B, T, U), _whole(B, T, U, seed=1), _whole(B, T, O)],
    ),
    "self_attention": (
        _both(R.self_attention_forward, R.self_attention_backward, _whole(B, T, O)),
        [_whole(B, T, F), ATTENTION, 1, LENGTHS],
    ),
    "rnn_backpropagation": (
        R.rnn_backpropagation,
        [_whole(U, U), _whole(U, F), _whole(1, U), _whole(T, F), _whole(T, 1), T, *TANH, lambda y, y_hat: y_hat - y],
    ),
    "gru_forward": (
        R.gru_forward,
        [_whole(T, F), _whole(U), *(_whole(U, size, seed=seed) for seed in range(3) for size in (F, U))],
    ),
    "initialize_adam": (R.initialize_adam, [_cell(1)]),
    "update_adam": (R.update_adam, [_cell(1), _cell(1), _cell(1), {n: v**2 for n, v in _cell(1).items()}, 3]),
    "global_norm": (R.global_norm, [_cell(1)]),
    "clip_by_global_norm": (R.clip_by_global_norm, [_cell(1), 1]),
    "time_mask": (arrays.time_mask, [LENGTHS, B, T]),
    "reverse_within_length": (arrays.reverse_within_length, [_whole(B, T, F), LENGTHS]),
    "classifier": (_both(classifier_forward, classifier_backward, _whole(B)), [IDS, CLASSIFIER, LENGTHS]),
    "loss_and_gradients": (loss_and_gradients, [IDS, np.array([0, 1]), CLASSIFIER, LENGTHS]),
    "train_classifier": (train_classifier, [[(IDS, np.array([0, 1]), LENGTHS)], CLASSIFIER]),
    "read_pooling": (readings.read_pooling, [_whole(B, T, U), LENGTHS, POOLED]),
    "read_prefix_pooling": (readings.read_prefix_pooling, [_whole(B, T, U), LENGTHS, POOLED]),
    "read_last": (readings.read_last, [_whole(B, T, U), LENGTHS, LAST]),
    "read_unit": (readings.read_unit, [np.ones((B, T, 1), int), LENGTHS]),
    "read_timesteps": (readings.read_timesteps, [_whole(B, T, U), LENGTHS, LAST]),
    "log_odds": (readings.log_odds, [np.array([0, 1])]),
    "attention_weights": (pooling.attention_weights, [_whole(B, T, U), _whole(U), LENGTHS]),
    "notebook.gru_step": (N.gru_step, [_whole(F), _whole(U), *MATRICES[:6]]),
    "notebook.gru_forward with matrices": (N.gru_forward, [_whole(T, F), _whole(U), *MATRICES[:6]]),
    "notebook.lstm_cell": (N.lstm_cell, [_whole(F), _whole(U), _whole(U, seed=1), *MATRICES]),
    "notebook.rnn_cell and its gradients": (
        _both(N.rnn_cell_forward, N.rnn_cell_backward, H, outputs=2),
        [X, H, ELMAN],
    ),
    "notebook.gru_cell and its gradients": (
        _both(N.gru_cell_forward, N.gru_cell_backward, H, outputs=2),
        [X, H, _columns("urc", U + F)],
    ),
    "notebook.lstm_cell and its gradients": (
        _both(N.lstm_cell_forward, N.lstm_cell_backward, H, C, outputs=3),
        [X, H, C, _columns("fico", U + F)],
    ),
    "notebook.rnn": (_both(N.rnn_forward, N.rnn_backward, DA, outputs=2), [XS, H, ELMAN]),
    "notebook.gru": (_both(N.gru_forward, N.gru_backward, DA, outputs=2), [XS, H, _columns("urc", U + F)]),
    "notebook.lstm": (_both(N.lstm_forward, N.lstm_backward, DA, outputs=3), [XS, H, _columns("fico", U + F)]),
    "notebook.softmax": (N.softmax, [_whole(O, B)]),
    "notebook.initialize_adam": (N.initialize_adam, [ADAM]),
    "notebook.update_parameters_with_adam": (
        N.update_parameters_with_adam,
        [ADAM, {f"d{name}": value for name, value in ADAM.items()}, MOMENTS, MOMENTS, 2],
    ),
}
FACTORIES = {"glorot_uniform", "initialize_cell", "initialize_head", "orthogonal", "rnn_cell", "lstm_cell", "gru_cell"}


def _convert(value: Any, to: Callable[[np.ndarray], Any]) -> Any:
    """Every array within a nested argument, converted."""
    if isinstance(value, np.ndarray):
        return to(value)
    if isinstance(value, dict):
        return {name: _convert(item, to) for name, item in value.items()}
    if isinstance(value, Layer):
        return Layer(value.cell, _convert(value.params, to), value.merge)
    return type(value)(_convert(item, to) for item in value) if type(value) in (list, tuple) else value


def _as_float(array: np.ndarray, dtype: type = np.float64) -> np.ndarray:
    """The array as floats, unless it counts something: lengths, ids, classes, and places stay integers."""
    counts = any(array is counting for counting in (LENGTHS, IDS, CLASSES, CENTERS))
    return array if counts else array.astype(dtype)


def _results(name: str, to: Callable[[np.ndarray], Any]) -> list[np.ndarray]:
    function, arguments = CALLS[name]
    if hasattr(function, "convert"):
        function.convert = lambda value: _convert(value, to)
    flat: list[np.ndarray] = []

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list | tuple):
            for item in value:
                collect(item)
        elif value is not None:
            flat.append(np.asarray(value))

    collect(function(*_convert(arguments, to)))
    return flat


@pytest.mark.parametrize("name", CALLS)
def test_integers_and_lists_give_what_their_floats_give(name: str) -> None:
    expected = _results(name, _as_float)
    for to in (lambda array: array, lambda array: array.astype(np.int8), np.ndarray.tolist):
        for ours, theirs in zip(_results(name, to), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
            if name != "reverse_within_length":  # which moves values and computes none
                assert ours.dtype == theirs.dtype


# these return Python floats or booleans
@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"global_norm", "time_mask", "train_classifier"}))
def test_float32_stays_float32(name: str) -> None:
    for result in _results(name, lambda array: _as_float(array, np.float32)):
        assert result.dtype == np.float32


def test_every_public_function_is_called_here() -> None:
    public = {name for name in reference.__all__ if inspect.isfunction(getattr(reference, name))}
    own = {name for name in notebook.__all__ if getattr(notebook, name) is not getattr(reference, name, None)}
    public |= {f"notebook.{name}" for name in own}
    called = {name.split()[0] for name in CALLS}
    covered = called | {f"{name}_{way}" for name in called for way in ("forward", "backward")}
    assert public - FACTORIES <= covered


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: R.rnn_cell_forward([[1, 2]], [[1]], {"W": [[1], [2], [3]], "U": [[1]]}), ValueError,
         r"params\['W'\] has shape \(3, 1\); it must be \[F, U\] with F = 2, U = 1"),
        (lambda: R.lstm_cell_forward([[1]], [[1]], [[1]], {"W": np.ones((1, 6)), "U": np.ones((1, 4))}), ValueError,
         r"params\['W'\] has shape \(1, 6\); it must be \[F, 4U\]"),
        (lambda: R.rnn_cell_forward([[1, 2]], [1], _cell(1)), ValueError,
         r"h_prev has shape \(1,\); it must be \[B, U\]"),
        (lambda: R.rnn_cell_forward([[1, 2]], [[1, 2, 3, 4]], {"W": _whole(F, U)}), ValueError,
         "params has the names 'W'; it must have 'W', 'U', and may have 'b'"),
        (lambda: R.rnn_cell_forward([[1, 2]], [[1, 2, 3, 4]], {**_cell(1), "bias": _whole(U)}), ValueError,
         "names 'W', 'U', 'b', 'bias'"),
        (lambda: R.rnn_cell_forward([[1, 2]], [[1, 2, 3, 4]], _whole(F, U)), TypeError,
         "params is a ndarray; it must be a dict"),
        (lambda: R.sigmoid(["one"]), TypeError, "a holds <U3; it must hold real numbers"),
        (lambda: R.sigmoid(None), TypeError, "a holds NoneType"),
        (lambda: R.sigmoid([[1, 2], [3]]), ValueError, "a is not an array: its rows have different lengths"),
        (lambda: R.embedding_forward([[0.5]], _whole(3, F)), TypeError, "ids holds float64; it must hold integers"),
        (lambda: R.unroll_forward(RNN, _whole(B, T, F), _cell(1), [1, 2, 3]), ValueError,
         r"lengths has shape \(3,\); it must be \[B\] with B = 2"),
        (lambda: R.unroll_forward(LSTM, _whole(B, T, F), _cell(4), None, [_whole(B, U)]), ValueError,
         "initial has 1 states; this cell has 2"),
        (lambda: R.mean_squared_error_forward([1, 2], [[1], [2]]), ValueError, r"y has shape \(2, 1\)"),
        (lambda: R.rnn_cell_backward([[1, 2]], R.rnn_cell_forward(_whole(B, F), _whole(B, U), _cell(1))[1]), ValueError,
         r"dh has shape \(1, 2\); the array that it is the gradient of has shape \(2, 4\)"),
        (lambda: R.update_adam({"w": [1]}, {"w": [1, 2]}, {"w": [0]}, {"w": [0]}, 1), ValueError,
         r"gradients\['w'\] has shape \(2,\); that of params\['w'\] is \(1,\)"),
        (lambda: R.stack_forward([], _whole(B, T, F)), ValueError, "layers is empty"),
        (lambda: R.orthogonal(np.random.default_rng(0), 3, 2), ValueError, "3 rows of 2 columns"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_pythons_own_errors_of_a_call_remain() -> None:
    @takes(x="N")
    def double(x: np.ndarray) -> np.ndarray:
        return 2 * x

    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        double([1], [2])
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        double()
    with pytest.raises(TypeError, match="multiple values for argument 'x'"):
        double([1], x=[2])
