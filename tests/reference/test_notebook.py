"""The functions of course notebooks: their shapes and conventions, and gradients against central differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sentiline.reference import notebook
from tests.reference.gradients import Array, check_gradients

RNG = np.random.default_rng(0)
UNITS, FEATURES, OUTPUTS, BATCH, STEPS = 3, 2, 2, 4, 3
MATRICES = [RNG.normal(size=(UNITS, size)) for _ in range(3) for size in (FEATURES, UNITS)]


def _sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def _gated(gates: str) -> dict[str, Array]:
    parameters = {f"W{gate}": RNG.normal(size=(UNITS, UNITS + FEATURES)) for gate in gates}
    parameters |= {f"b{gate}": RNG.normal(size=(UNITS, 1)) for gate in gates}
    return parameters | {"Wy": RNG.normal(size=(OUTPUTS, UNITS)), "by": RNG.normal(size=(OUTPUTS, 1))}


ELMAN = {
    "Wax": RNG.normal(size=(UNITS, FEATURES)),
    "Waa": RNG.normal(size=(UNITS, UNITS)),
    "ba": RNG.normal(size=(UNITS, 1)),
    "Wya": RNG.normal(size=(OUTPUTS, UNITS)),
    "by": RNG.normal(size=(OUTPUTS, 1)),
}


@pytest.mark.parametrize("update", ["keep", "take"])
def test_gru_step_is_its_equation(update: str) -> None:
    Wz, Uz, Wr, Ur, W, U = MATRICES  # noqa: N806
    x, h_prev = RNG.normal(size=FEATURES), RNG.normal(size=UNITS)
    z, r = _sigmoid(Wz @ x + Uz @ h_prev), _sigmoid(Wr @ x + Ur @ h_prev)
    candidate = np.tanh(W @ x + U @ (r * h_prev))
    expected = z * h_prev + (1 - z) * candidate if update == "keep" else (1 - z) * h_prev + z * candidate
    np.testing.assert_allclose(notebook.gru_step(x, h_prev, *MATRICES, update=update), expected, atol=1e-14)
    columns = notebook.gru_step(x[:, None], h_prev[:, None], *MATRICES, update=update)
    np.testing.assert_allclose(columns, expected[:, None], atol=1e-14)
    assert notebook.gru_step(x.tolist(), h_prev.tolist(), *MATRICES, update=update).shape == (UNITS,)


@pytest.mark.parametrize("update", ["keep", "take"])
def test_gru_forward_takes_vectors_columns_and_batches_of_columns(update: str) -> None:
    inputs, h_init = RNG.normal(size=(STEPS, FEATURES)), RNG.normal(size=UNITS)
    states = notebook.gru_forward(inputs, h_init, *MATRICES, update=update)
    assert states.shape == (STEPS, UNITS)
    h = h_init
    for x, state in zip(inputs, states, strict=True):
        h = notebook.gru_step(x, h, *MATRICES, update=update)
        np.testing.assert_array_equal(state, h)
    columns = notebook.gru_forward([x[:, None] for x in inputs], h_init[:, None], *MATRICES, update=update)
    np.testing.assert_allclose(columns[:, :, 0], states, atol=1e-14)
    batch = notebook.gru_forward(
        np.stack([inputs, 2 * inputs], axis=2), np.stack([h_init, h_init], axis=1), *MATRICES, update=update
    )
    np.testing.assert_allclose(batch[:, :, 0], states, atol=1e-14)


def test_gru_forward_names_its_initial_state_h_init_or_h_prev() -> None:
    inputs, h_init = RNG.normal(size=(STEPS, FEATURES)), RNG.normal(size=UNITS)
    named = dict(zip(("Wz", "Uz", "Wr", "Ur", "W", "U"), MATRICES, strict=True))
    states = notebook.gru_forward(inputs, h_init, *MATRICES)
    np.testing.assert_array_equal(notebook.gru_forward(inputs=inputs, h_init=h_init, **named), states)
    np.testing.assert_array_equal(notebook.gru_forward(inputs=inputs, h_prev=h_init, **named), states)


def test_lstm_cell_with_a_matrix_per_gate_is_its_equations() -> None:
    Wf, Uf, Wi, Ui, Wc, Uc = MATRICES  # noqa: N806
    Wo, Uo = RNG.normal(size=(UNITS, FEATURES)), RNG.normal(size=(UNITS, UNITS))  # noqa: N806
    x, h_prev, c_prev = RNG.normal(size=FEATURES), RNG.normal(size=UNITS), RNG.normal(size=UNITS)
    f, i, o = (_sigmoid(w @ x + u @ h_prev) for w, u in ((Wf, Uf), (Wi, Ui), (Wo, Uo)))
    memory = f * c_prev + i * np.tanh(Wc @ x + Uc @ h_prev)
    h, c = notebook.lstm_cell(x, h_prev, c_prev, Wf, Uf, Wi, Ui, Wc, Uc, Wo, Uo)
    np.testing.assert_allclose(c, memory, atol=1e-14)
    np.testing.assert_allclose(h, o * np.tanh(memory), atol=1e-14)
    h, c = notebook.lstm_cell(x[:, None], h_prev[:, None], c_prev[:, None], Wf, Uf, Wi, Ui, Wc, Uc, Wo, Uo)
    np.testing.assert_allclose(c, memory[:, None], atol=1e-14)


def test_softmax_gives_one_distribution_per_column_however_far_apart_they_are() -> None:
    p = notebook.softmax([[1, -1000], [2, -1001]])
    np.testing.assert_allclose(p.sum(axis=0), 1)
    np.testing.assert_allclose(p[:, 0], [1 / (1 + np.e), np.e / (1 + np.e)])
    np.testing.assert_allclose(p[:, 1], [np.e / (1 + np.e), 1 / (1 + np.e)])


def test_adam_keeps_epsilon_inside_the_root_and_the_gradients_names() -> None:
    parameters, grads = {"W1": np.array([[1.0]]), "b1": np.array([[2.0]])}, {"dW1": [[0.5]], "db1": [[0.0]], "dx": [1]}
    v, s = notebook.initialize_adam(parameters)
    assert list(v) == list(s) == ["dW1", "db1"]
    new, v, s = notebook.update_parameters_with_adam(parameters, grads, v, s, t=2, epsilon=0.01)
    v_hat, s_hat = 0.1 * 0.5 / (1 - 0.9**2), 0.001 * 0.25 / (1 - 0.999**2)
    assert new["W1"].item() == pytest.approx(1 - 0.01 * v_hat / np.sqrt(s_hat + 0.01), rel=1e-12)
    assert new["b1"].item() == 2
    assert parameters["W1"].item() == 1
    assert v["dW1"].item() == pytest.approx(0.05)
    assert s["dW1"].item() == pytest.approx(0.00025)


def test_adam_names_the_gradient_that_is_missing() -> None:
    parameters = {"W1": [[1]], "b1": [[1]]}
    with pytest.raises(ValueError, match="grads has no db1; it needs one entry for each of W1, b1"):
        notebook.update_parameters_with_adam(parameters, {"dW1": [[1]]}, *notebook.initialize_adam(parameters), 1)


CASES: dict[str, tuple[Callable, Callable, dict[str, Array], str]] = {
    "rnn": (notebook.rnn_forward, notebook.rnn_backward, ELMAN, "da0"),
    "gru": (notebook.gru_forward, notebook.gru_backward, _gated("urc"), "dc0"),
    "lstm": (notebook.lstm_forward, notebook.lstm_backward, _gated("fico"), "da0"),
}


@pytest.mark.parametrize("steps", [STEPS, STEPS - 1], ids=["all steps", "the first steps"])
@pytest.mark.parametrize("name", CASES)
def test_gradients_of_a_sequence_are_its_central_differences(name: str, steps: int) -> None:
    forward, backward, parameters, initial = CASES[name]
    x, start = RNG.normal(size=(FEATURES, BATCH, STEPS)), RNG.normal(size=(UNITS, BATCH))
    da = RNG.normal(size=(UNITS, BATCH, steps))

    def loss() -> float:
        return float((forward(x, start, parameters)[0][:, :, :steps] * da).sum())

    *_, caches = forward(x, start, parameters)
    gradients = backward(da, caches)
    tensors = {key: value for key, value in parameters.items() if f"d{key}" in gradients}
    assert set(parameters) - set(tensors) <= {"Wy", "Wya", "by"}
    found = {key: gradients[f"d{key}"] for key in tensors} | {"start": gradients[initial]}
    check_gradients(loss, tensors | {"start": start}, found)
    assert gradients["dx"].shape == (FEATURES, BATCH, steps)
    if steps == STEPS:
        check_gradients(loss, {"x": x}, {"x": gradients["dx"]})


def test_integers_and_lists_give_what_their_floats_give() -> None:
    for name, (forward, backward, parameters, _) in CASES.items():
        whole = {key: np.rint(2 * value).astype(int) for key, value in parameters.items()}
        x, start = np.ones((FEATURES, BATCH, STEPS), int), np.ones((UNITS, BATCH), int)
        floats = forward(
            x.astype(float), start.astype(float), {key: value.astype(float) for key, value in whole.items()}
        )
        lists = forward(x.tolist(), start.tolist(), {key: value.tolist() for key, value in whole.items()})
        for ours, theirs in zip(lists[:-1], floats[:-1], strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
        gradients = backward(np.ones((UNITS, BATCH, STEPS), int).tolist(), lists[-1])
        for key, theirs in backward(np.ones((UNITS, BATCH, STEPS)), floats[-1]).items():
            np.testing.assert_array_equal(gradients[key], theirs, err_msg=f"{name} {key}")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: notebook.rnn_cell_forward(np.ones((2, 4)), np.ones((3, 5)), ELMAN), r"a_prev has shape \(3, 5\)"),
        (lambda: notebook.rnn_cell_forward(np.ones((2, 4)), np.ones((3, 4)), {"Wax": ELMAN["Wax"]}),
         "it must have 'Wax', 'Waa'"),
        (lambda: notebook.lstm_forward(np.ones((4, 1, 1)), np.ones((3, 1)), _gated("fico")), r"must be \(3, 3 \+ 4\)"),
        (lambda: notebook.gru_step(np.ones((1, 1, 1)), np.ones(3), *MATRICES), r"inputs has shape \(1, 1, 1\)"),
        (lambda: notebook.gru_step(np.ones(2), np.ones(3), *MATRICES, update="open"), "update is 'open'"),
        (lambda: notebook.rnn_backward(np.ones((3, 4, 9)),
                                       notebook.rnn_forward(np.ones((2, 4, 3)), np.ones((3, 4)), ELMAN)[-1]),
         r"da has shape \(3, 4, 9\); it must be \(3, 4\) for each of 1 to 3 steps"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(call: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
