"""The operations that Keras leaves to its backend: gradients, compiled steps and a few ops.

`KERAS_BACKEND` selects the backend when Keras is imported: "tensorflow", which the environment provides and the export
requires, or "torch", which trains on a GPU in minutes. All other modules are independent of the backend.
"""

from __future__ import annotations

from training.errors import ConfigError
from training.nn.backend.stderr import suppress_stderr

try:
    with suppress_stderr():
        import keras
except ModuleNotFoundError as error:  # Keras imports its backend
    raise ConfigError(
        f"KERAS_BACKEND selects a library that is not installed ({error.name}); training runs on tensorflow, or on "
        f"torch, which `make torch` installs",
        field="KERAS_BACKEND",
    ) from None

# The name of the active backend.
NAME = keras.backend.backend()

# Whether models can be exported: tf2onnx reads TensorFlow's graphs only.
CAN_EXPORT = NAME == "tensorflow"

if NAME == "tensorflow":
    from training.nn.backend.tensorflow import (
        compile_function,
        configure,
        differentiate,
        jit_compile,
        matmul,
        reverse_sequences,
        run_recurrent,
        to_numpy,
    )
elif NAME == "torch":
    from training.nn.backend.torch import (
        compile_function,
        configure,
        differentiate,
        jit_compile,
        matmul,
        reverse_sequences,
        run_recurrent,
        to_numpy,
    )
else:
    raise ConfigError(f"KERAS_BACKEND is {NAME!r}; training runs on tensorflow or torch", field="KERAS_BACKEND")

__all__ = [
    "CAN_EXPORT",
    "NAME",
    "compile_function",
    "configure",
    "differentiate",
    "jit_compile",
    "matmul",
    "reverse_sequences",
    "run_recurrent",
    "to_numpy",
]
