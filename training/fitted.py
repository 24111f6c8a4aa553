"""The weights of a finished fit, as what another fit begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer
from training import checkpoint
from training.encoder import Encoder, load_encoder
from training.errors import CheckpointError, ConfigError
from training.presets import FitConfig
from training.run import Run

_SHAPE = ("cell", "direction", "layers", "units", "embedding", "head", "hidden", "activation", "reset_after")


@dataclass(frozen=True, eq=False)
class Fitted:
    """A finished fit.

    Attributes:
        config: its recipe.
        weights: float32, averaged weights of its best epoch by variable path, without the name of the model.
        tokenizer: the one its word vectors belong to.
    """

    config: FitConfig
    weights: Mapping[str, NDArray[np.float32]]
    tokenizer: Tokenizer

    def shape(self) -> dict[str, Any]:
        """The fields of the recipe that the shapes of the weights follow from, and how they are used."""
        return {field: getattr(self.config, field) for field in _SHAPE}

    @classmethod
    def load(cls, run: Run) -> Fitted:
        """Read a run folder.

        Raises:
            CheckpointError: it holds no fit with a finished epoch, or a damaged one.
        """
        if not (run.config.exists() and run.best.exists()):
            raise CheckpointError(
                f"{run.folder} cannot be begun with: it holds no fit with a finished epoch; name the run folder of "
                f'one, an encoder.npz of `pretrain`, or "encoder"',
                field="init",
            )
        config, _ = run.read_config()
        weights, _ = checkpoint.load(run.best)
        return cls(config, {_without_model(path): array for path, array in weights.items()}, run.read_tokenizer())

    def digest(self) -> str:
        """SHA-256 over all weights, hexadecimal."""
        digest = hashlib.sha256()
        for _, array in sorted(self.weights.items()):
            digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def assign(self, config: FitConfig, variables: Mapping[str, Any]) -> None:
        """Give the weights to a model's trainable variables.

        Args:
            config: the model's recipe.
            variables: by path.

        Raises:
            ConfigError: the recipe asks for other layers.
        """
        for field, theirs in self.shape().items():
            ours = getattr(config, field)
            if theirs != ours:
                raise ConfigError(
                    f"{field} is {ours!r}; the fit to begin with has {theirs!r}: set --{field.replace('_', '-')} so",
                    field=field,
                )
        for path, variable in variables.items():
            variable.assign(self.weights[_without_model(path)])


Start = Encoder | Fitted
"""What a fit may begin with."""


def load_start(name_or_path: str) -> Start:
    """The shipped encoder, by the name "encoder"; another encoder's file; or the run folder of a finished fit.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    if name_or_path != "encoder" and Path(name_or_path).is_dir():
        return Fitted.load(Run(Path(name_or_path)))
    return load_encoder(name_or_path)


def _without_model(path: str) -> str:
    return path.partition("/")[2]
