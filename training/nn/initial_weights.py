"""The weights that a fit may start from: a pre-trained encoder's, or those of a finished fit or its bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer
from training.config.fit import FitConfig
from training.errors import ConfigError
from training.nn.encoder import Encoder
from training.run import checkpoint

_KINDS = ("cell", "direction", "head", "activation")
_SIZES = ("layers", "units", "embedding", "hidden")


@dataclass(frozen=True, eq=False)
class FinishedFit:
    """The model of a finished fit, from its run folder or from its bundle.

    Attributes:
        config: Its configuration.
        data: The JSON-ready description of the data that it learned from.
        weights: The averaged weights of its best epoch, float32, by variable path without the model's name.
        tokenizer: Its tokenizer.
    """

    config: FitConfig
    data: Mapping[str, Any]
    weights: Mapping[str, NDArray[np.float32]]
    tokenizer: Tokenizer

    def digest(self) -> str:
        """Return the hexadecimal SHA-256 of all weights."""
        digest = hashlib.sha256()
        for _, array in sorted(self.weights.items()):
            digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def sizes(self) -> dict[str, int]:
        """Return the fields of the configuration that give the sizes of the layers."""
        return {field: getattr(self.config, field) for field in _SIZES}

    def assign(self, variables: Mapping[str, Any]) -> None:
        """Assign the weights to a model's trainable variables.

        Args:
            variables: The variables by path.

        Raises:
            CheckpointError: The variables belong to a different model.
        """
        checkpoint.assign({path_in_model(path): variable for path, variable in variables.items()}, self.weights)


InitialWeights = Encoder | FinishedFit


def check_layers(weights: InitialWeights, config: FitConfig) -> None:
    """Check that the layers of a configuration can take initial weights.

    Raises:
        ConfigError: They cannot; names the first field that differs.
    """
    if isinstance(weights, Encoder):
        width = weights.vectors.shape[1]
        if width != config.embedding:
            raise ConfigError(
                f"embedding is {config.embedding}, but the encoder's word vectors have {width} dimensions: "
                "leave --embedding out",
                field="embedding",
            )
        return
    check_kinds(weights, config.as_dict())
    _check_fields(weights, config.as_dict(), _SIZES)


def check_kinds(weights: FinishedFit, fields: Mapping[str, Any]) -> None:
    """Check that a model has layers of the same kinds as a finished fit, whatever their sizes.

    Args:
        weights: The finished fit.
        fields: The fields of the model's configuration.

    Raises:
        ConfigError: It does not; names the first field that differs.
    """
    _check_fields(weights, fields, (*_KINDS, "reset_after") if fields["cell"] == "gru" else _KINDS)


def _check_fields(weights: FinishedFit, fields: Mapping[str, Any], names: Iterable[str]) -> None:
    for field in names:
        theirs, ours = getattr(weights.config, field), fields[field]
        if theirs != ours:
            raise ConfigError(
                f"{field} is {ours!r}, but it is {theirs!r} in the model that --init names, whose weights fit no "
                f"other value: use its preset, and leave --{field.replace('_', '-')} out",
                field=field,
            )


def provides_recurrent_layers(weights: InitialWeights, config: FitConfig) -> bool:
    """Return whether a model takes recurrent layers from initial weights, and not only word vectors."""
    return isinstance(weights, FinishedFit) or (config.cell == "lstm" and config.units == weights.units)


def path_in_model(path: str) -> str:
    """Return the path of a variable without the first part, which is the model's name."""
    return path.partition("/")[2]
