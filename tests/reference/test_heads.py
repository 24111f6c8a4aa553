"""Output layers against central differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sentiline.reference.heads import Output, head_backward, head_forward
from tests.reference.gradients import Draw, as_float32, check_gradients, drawn, draws, dtypes


@pytest.mark.parametrize("output", ["linear", "sigmoid", "softmax"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("every_step", [False, True])
@drawn
@given(d=draws())
def test_gradients_equal_central_differences(output: Output, bias: bool, every_step: bool, d: Draw) -> None:
    leading = (d.batch, d.time) if every_step else (d.batch,)
    h, dy = d.normal(*leading, d.units), d.normal(*leading, 3)
    params = {"V": d.normal(d.units, 3)} | ({"c": d.normal(3)} if bias else {})
    _, cache = head_forward(h, params, output)
    dh, dparams = head_backward(dy, cache)
    check_gradients(
        lambda: float((head_forward(h, params, output)[0] * dy).sum()), {"h": h, **params}, {"h": dh, **dparams}
    )


def test_unknown_output_is_refused() -> None:
    with pytest.raises(ValueError, match="output is 'tanh'"):
        head_forward(np.ones((1, 1)), {"V": np.ones((1, 1))}, "tanh")  # type: ignore[arg-type]


@pytest.mark.parametrize("output", ["linear", "sigmoid", "softmax"])
def test_float32_stays_float32(output: Output) -> None:
    h, params = as_float32((np.ones((2, 3)), {"V": np.ones((3, 2)), "c": np.ones(2)}))
    y, cache = head_forward(h, params, output)
    assert dtypes((y, head_backward(y, cache))) == {"float32"}
