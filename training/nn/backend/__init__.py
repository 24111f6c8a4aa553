"""What Keras leaves to the library below it: gradients, compile_function steps, and a few ops.

`KERAS_BACKEND` chooses the library when Keras is imported: "tensorflow", which the environment holds and the export
needs, or "torch", which trains on a GPU in minutes. Everything above this module is one code for both.
"""

from __future__ import annotations

from training.errors import ConfigError
from training.nn.backend.stderr import suppress_stderr

try:
    with suppress_stderr():
        import keras
except ModuleNotFoundError as error:  # Keras imports the library that it is told to run on
    raise ConfigError(
        f"KERAS_BACKEND asks for a library that is not installed ({error.name}); training runs on tensorflow, or on "
        f"torch, which `make torch` installs",
        field="KERAS_BACKEND",
    ) from None

NAME = keras.backend.backend()
"""Which one it is."""

CAN_EXPORT = NAME == "tensorflow"
"""Whether models can be exported under it: tf2onnx reads TensorFlow's graphs."""

if NAME == "tensorflow":
    from training.nn.backend.tensorflow import (
        compile_function,
        configure,
        differentiate,
        jit_compile,
        matmul,
        run_recurrent,
        reverse_sequences,
        to_numpy,
    )
elif NAME == "torch":
    from training.nn.backend.torch import (
        compile_function,
        configure,
        differentiate,
        jit_compile,
        matmul,
        run_recurrent,
        reverse_sequences,
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
    "run_recurrent",
    "reverse_sequences",
    "to_numpy",
]
