"""The weights of a bundle's float32 graph, under the paths of the variables of the Keras model it was made from."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.bundle import Bundle
from sentiline.verification.onnx_weights import GraphWeights, read_weights
from training.config.fit import FitConfig
from training.errors import CheckpointError, ConfigError

_CELLS = {"rnn": "simple_rnn_cell", "lstm": "lstm_cell", "gru": "gru_cell"}
_HEADS = {
    "V": "hidden/kernel",
    "d": "hidden/bias",
    "v": "output/kernel",
    "c": "output/bias",
    "attention": "attention",
    "w_mean": "w_mean",
    "w_attention": "w_attention",
    "bias": "bias",
}


def read_config(bundle: Bundle) -> FitConfig:
    """Read the configuration of the fit that a bundle was made by.

    Fields that this release does not have are ignored; fields newer than the bundle have their defaults.

    Raises:
        CheckpointError: The manifest has no such configuration, or one that cannot be used.
    """
    training = bundle.manifest.document.get("training")
    config = training.get("config") if isinstance(training, dict) else None
    if not isinstance(config, dict):
        raise CheckpointError(
            f"the manifest of {bundle.path} has no training.config, which describes the layers; only bundles made by "
            "`python -m training fit` can begin a fit",
            field="init",
        )
    known = {field.name for field in dataclasses.fields(FitConfig)}
    try:
        return FitConfig(**{name: value for name, value in config.items() if name in known})
    except (ConfigError, TypeError) as error:
        raise CheckpointError(
            f"the training.config in the manifest of {bundle.path} is unusable ({error})", field="init"
        ) from error


def read_variables(bundle: Bundle, config: FitConfig) -> dict[str, NDArray[np.float32]]:
    """Read the weights of a bundle.

    Args:
        bundle: The bundle.
        config: The configuration that `read_config` returned.

    Returns:
        The weights by variable path without the model's name, float32.

    Raises:
        CheckpointError: The bundle has no float32 graph, or layers other than its configuration says.
        BundleCorruptError: The graph is damaged, or does not have the form that Sentiline exports.
    """
    name = bundle.manifest.name
    if "fp32" not in bundle.manifest.precisions:
        raise CheckpointError(
            f"{name} ({bundle.path}) has only {', '.join(bundle.manifest.precisions)} weights, which are rounded to "
            "8 bits; a fit needs the precision fp32. Fit the model again with --precision both, or begin with another",
            field="init",
        )
    file = bundle.manifest.precisions["fp32"]
    graph = read_weights(bundle.read(file), config.head, str(bundle.path / file))
    expected = (config.layers, config.units, config.embedding, config.direction == "bidirectional")
    first = graph.layers[0]
    found = (len(graph.layers), first.params[0]["U"].shape[0], graph.embedding.shape[1], len(first.params) == 2)
    if expected != found or graph.dequantized:
        raise CheckpointError(
            f"the graph of {name} ({bundle.path / file}) has other layers than its manifest's training.config: layers, "
            f"units, embedding and bidirectional are {found} there and {expected} in the manifest",
            field="init",
        )
    return {path: np.asarray(array, np.float32) for path, array in _variables(graph, config).items()}


def _variables(graph: GraphWeights, config: FitConfig) -> dict[str, NDArray[Any]]:
    variables: dict[str, NDArray[Any]] = {"embedding/embeddings": graph.embedding}
    for index, layer in enumerate(graph.layers):
        for side, params in zip(("forward", "backward"), layer.params, strict=False):
            bias = params["b"]
            if config.cell == "gru":  # Keras keeps both biases only where the reset gate comes after the product
                recurrent = params["b_recurrent"]
                bias = np.stack([bias, recurrent]) if config.reset_after else bias + recurrent
            prefix = f"recurrent_{index}/{side}/{_CELLS[config.cell]}"
            variables |= {
                f"{prefix}/kernel": params["W"],
                f"{prefix}/recurrent_kernel": params["U"],
                f"{prefix}/bias": bias,
            }
    for key, array in graph.head.items():
        if key == "v":
            array = array[:, None]
        elif key == "c":
            array = np.reshape(array, 1)
        variables[f"head/{_HEADS[key]}"] = array
    return variables
