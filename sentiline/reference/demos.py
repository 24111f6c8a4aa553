"""The classic demonstrations of recurrent networks, each a function that returns the text it shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sentiline.reference.activations import TANH
from sentiline.reference.adam import initialize_adam, update_adam
from sentiline.reference.arrays import Array, Params
from sentiline.reference.bptt import rnn_backpropagation
from sentiline.reference.heads import head_backward, head_forward
from sentiline.reference.initial import initialize_cell, initialize_head
from sentiline.reference.losses import mean_squared_error_backward, mean_squared_error_forward
from sentiline.reference.lstm import LSTM, lstm_cell_forward
from sentiline.reference.notebook import gru_forward
from sentiline.reference.rnn import RNN
from sentiline.reference.unroll import gradient_norms, unroll_backward, unroll_forward

PRICES = (100.0, 102.0, 105.0, 107.0, 110.0, 113.0)
"""A sequence of prices; the last one is what the network is to foresee."""


def gru_sequence() -> str:
    """`gru_forward` over ten steps of five random inputs, from the zero state."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(size=(10, 5))
    Wz, Uz, Wr, Ur, W, U = (rng.uniform(size=(5, 5)) for _ in range(6))  # noqa: N806 - capitals as in the formulas
    states = gru_forward(inputs, np.zeros(5), Wz, Uz, Wr, Ur, W, U)
    lines = ["GRU over a sequence: h_t = z ⊙ h_prev + (1 - z) ⊙ h̃, weights and inputs uniform in [0, 1)"]
    lines += [f"  h_{t:<2}  {_row(h)}" for t, h in enumerate(states, start=1)]
    return "\n".join(lines)


def lstm_steps() -> str:
    """Hidden state and memory of an LSTM cell at each of five steps."""
    rng = np.random.default_rng(1)
    features, units = 2, 3
    params = initialize_cell(rng, LSTM, features, units)
    h, c = np.zeros((1, units)), np.zeros((1, units))
    lines = [f"LSTM cell, {features} inputs, {units} units: hidden state h and memory c at each step"]
    for t, x in enumerate(rng.standard_normal((5, 1, features)), start=1):
        h, c, _ = lstm_cell_forward(x, h, c, params)
        lines.append(f"  t = {t}   h {_row(h[0])}    c {_row(c[0])}")
    return "\n".join(lines)


def bptt_gradients() -> str:
    """Gradients of `rnn_backpropagation` with tanh and squared error, each with its central differences."""
    rng = np.random.default_rng(2)
    k, features, units, outputs = 5, 3, 4, 2
    x, y = rng.uniform(size=(features, k)), rng.uniform(size=(outputs, k))
    weights = {
        "W": rng.uniform(size=(units, units)),
        "U": rng.uniform(size=(units, features)),
        "V": rng.uniform(size=(outputs, units)),
    }

    def error(params: Params) -> float:
        h, total = np.zeros(units), 0.0
        for t in range(k):
            h = np.tanh(params["U"] @ x[:, t] + params["W"] @ h)
            total += float(((params["V"] @ h - y[:, t]) ** 2).sum())
        return total

    gradients = rnn_backpropagation(
        weights["W"],
        weights["U"],
        weights["V"],
        x,
        y,
        k,
        TANH.function,
        TANH.derivative,
        lambda target, output: 2.0 * (output - target),
    )
    lines = [f"Backpropagation through time, {k} steps, E = Σ_t ‖V h_t - y_t‖²"]
    for name, gradient in zip(weights, gradients, strict=True):
        apart = np.abs(gradient - _central_differences(error, weights, name)).max()
        lines += [f"  d{name}, apart from central differences by {apart:.0e}"]
        lines += [f"    {_row(row)}" for row in gradient]
    return "\n".join(lines)


def price_sequence(steps: int = 600) -> str:
    """A recurrent network learns to foresee the next price of one short sequence, and says so at every step."""
    prices = np.array(PRICES)
    scaled = (prices - prices.min()) / (prices.max() - prices.min())  # [6]
    x, y = scaled[None, :-1, None], scaled[None, 1:, None]  # [1, 5, 1] each: today's price, tomorrow's
    rng = np.random.default_rng(3)
    units = 8
    cell, head = initialize_cell(rng, RNN, 1, units), initialize_head(rng, units, 1)
    params = {f"cell.{name}": value for name, value in cell.items()}
    params |= {f"head.{name}": value for name, value in head.items()}
    m, v = initialize_adam(params)
    lines = ["Prices 100, 102, 105, 107, 110 → 113: a network of 8 tanh units, mean squared error, Adam"]
    for step in range(1, steps + 1):
        h, _, unrolled = unroll_forward(RNN, x, _part(params, "cell"))  # [1, 5, U]
        y_hat, read = head_forward(h, _part(params, "head"))  # [1, 5, 1]
        loss, loss_cache = mean_squared_error_forward(y_hat, y)
        if step in (1, 10, 100, steps):
            lines.append(f"  after {step - 1:3} updates the loss is {loss:.2e}")
        dh, dhead = head_backward(mean_squared_error_backward(1.0, loss_cache), read)
        dcell = unroll_backward(dh, None, unrolled).dparams
        gradients = {f"cell.{name}": value for name, value in dcell.items()}
        gradients |= {f"head.{name}": value for name, value in dhead.items()}
        params, m, v = update_adam(params, gradients, m, v, step, learning_rate=0.01)
    h, _, _ = unroll_forward(RNN, x, _part(params, "cell"))
    y_hat, _ = head_forward(h, _part(params, "head"))
    foreseen = y_hat[0, :, 0] * (prices.max() - prices.min()) + prices.min()  # [5]
    for t, (today, tomorrow, guess) in enumerate(zip(prices[:-1], prices[1:], foreseen, strict=True), start=1):
        lines.append(f"  t = {t}   price {today:.0f}   next price foreseen {guess:7.3f}   true {tomorrow:.0f}")
    return "\n".join(lines)


def task_shapes() -> str:
    """The four shapes of recurrent tasks, all out of `unroll_forward` and `head_forward`."""
    rng = np.random.default_rng(4)
    batch, time, features, units, classes = 2, 4, 3, 5, 3
    cell, head = initialize_cell(rng, RNN, features, units), initialize_head(rng, units, classes)
    x = rng.standard_normal((batch, time, features))  # [B, T, F]

    h, (last,), _ = unroll_forward(RNN, x, cell)  # [B, T, U], [B, U]
    many_to_many, _ = head_forward(h, head, "softmax")  # [B, T, O] a class for every token
    many_to_one, _ = head_forward(last, head, "softmax")  # [B, O] a class for the sequence
    _, (only,), _ = unroll_forward(RNN, x[:, :1], cell)  # [B, U]
    one_to_one, _ = head_forward(only, head, "softmax")  # [B, O] no recurrence left: an ordinary network
    seed = np.concatenate([x[:, :1], np.zeros((batch, time - 1, features))], axis=1)  # [B, T, F] one input, then none
    unfolding, _, _ = unroll_forward(RNN, seed, cell)  # [B, T, U]
    one_to_many, _ = head_forward(unfolding, head, "softmax")  # [B, T, O] a sequence from one input
    rows: list[tuple[str, Array, Array]] = [
        ("one-to-one", x[:, :1], one_to_one),
        ("one-to-many", x[:, :1], one_to_many),
        ("many-to-one", x, many_to_one),
        ("many-to-many", x, many_to_many),
    ]
    lines = ["Four shapes of task, one cell: inputs [B, T, F] → class probabilities"]
    lines += [
        f"  {name:<12}  {x.shape!s:>9} → {y.shape!s:<9}  first row: {_row(y[0].ravel()[:6])}" for name, x, y in rows
    ]
    return "\n".join(lines)


def vanishing_gradients() -> str:
    """The norm of a gradient at the last step, seen at earlier steps, under small, critical and large weights."""
    rng = np.random.default_rng(5)
    time, units = 40, 32
    x = 0.1 * rng.standard_normal((1, time, units))  # [1, T, F]
    base = initialize_cell(rng, RNN, units, units, bias=False)
    dlast = rng.standard_normal((1, units))  # [1, U]
    dlast /= np.linalg.norm(dlast)
    shown = (0, 1, 2, 5, 10, 20, 39)
    lines = ["Gradient norm that reaches k steps back in an RNN whose U is orthogonal, times a factor"]
    lines.append("  factor  " + "".join(f"   k = {k:<3}" for k in shown))
    for factor in (0.5, 1.0, 1.5):
        norms = gradient_norms(RNN, x, {"W": base["W"], "U": factor * base["U"]}, dlast)[0]  # [T]
        lines.append(f"     {factor:.1f}  " + "".join(f"{norms[k]:10.1e}" for k in shown))
    return "\n".join(lines)


DEMONSTRATIONS = (gru_sequence, lstm_steps, bptt_gradients, price_sequence, task_shapes, vanishing_gradients)


def _row(values: Array) -> str:
    return " ".join(f"{value:8.4f}" for value in values)


def _part(params: Params, prefix: str) -> Params:
    return {name.removeprefix(f"{prefix}."): value for name, value in params.items() if name.startswith(f"{prefix}.")}


def _central_differences(error: Callable[[Params], float], params: Params, name: str, step: float = 1e-6) -> Array:
    gradient = np.zeros_like(params[name])
    for index in np.ndindex(gradient.shape):
        nudge = np.zeros_like(gradient)
        nudge[index] = step
        above, below = (error({**params, name: params[name] + sign * nudge}) for sign in (1, -1))
        gradient[index] = (above - below) / (2 * step)
    return gradient
