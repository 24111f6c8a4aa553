"""What a fit may begin with instead of drawn weights: a pre-trained encoder, or another fit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer
from training.config.presets import FitConfig
from training.errors import CheckpointError, ConfigError, DataError, TrainingError
from training.nn.encoder import Encoder, load_encoder
from training.run import checkpoint
from training.supervised.run_folder import Run

_KINDS = ("cell", "direction", "head", "activation")
_SIZES = ("layers", "units", "embedding", "hidden")
_SPLIT = ("split", "training_reviews", "validation_reviews")
_CHOICES = 'the run folder of a finished fit, an encoder.npz of `pretrain`, or "encoder"'


@dataclass(frozen=True, eq=False)
class Fitted:
    """A finished fit.

    Attributes:
        config: its recipe.
        data: JSON-ready description of what it learned from.
        weights: float32, averaged weights of its best epoch by variable path, without the name of the model.
        tokenizer: the one its word vectors belong to.
    """

    config: FitConfig
    data: Mapping[str, Any]
    weights: Mapping[str, NDArray[np.float32]]
    tokenizer: Tokenizer

    @classmethod
    def load(cls, run: Run) -> Fitted:
        """Read a run folder.

        Raises:
            CheckpointError: it holds no fit with a finished epoch, or a damaged one.
        """
        if not (run.config.exists() and run.best.exists()):
            raise CheckpointError(
                f"{run.folder} holds no fit with a finished epoch to begin with; give {_CHOICES}", field="init"
            )
        try:
            config, data = run.read_config()
            weights, _ = checkpoint.load(run.best)
            tokenizer = run.read_tokenizer()
        except TrainingError as error:
            raise CheckpointError(
                f"{run.folder} cannot be read as a fit to begin with ({error}); give {_CHOICES}", field="init"
            ) from error
        return cls(config, data, {_within(path): array for path, array in weights.items()}, tokenizer)

    def digest(self) -> str:
        """SHA-256 over all weights, hexadecimal."""
        digest = hashlib.sha256()
        for _, array in sorted(self.weights.items()):
            digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def sizes(self) -> dict[str, int]:
        """The fields of the recipe that say how large the layers are."""
        return {field: getattr(self.config, field) for field in _SIZES}

    def assign(self, variables: Mapping[str, Any]) -> None:
        """Give the weights to a model's trainable variables.

        Args:
            variables: by path.

        Raises:
            CheckpointError: they are another model's.
        """
        checkpoint.assign({_within(path): variable for path, variable in variables.items()}, self.weights)


Start = Encoder | Fitted
"""What a fit may begin with."""


def load_start(name_or_path: str) -> Start:
    """The shipped encoder, by the name "encoder"; another encoder's file; or the run folder of a finished fit.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    path = Path(name_or_path)
    if name_or_path != "encoder" and path.is_dir():
        return Fitted.load(Run(path))
    if name_or_path != "encoder" and not path.exists():
        raise CheckpointError(f"{path} does not exist; give {_CHOICES}", field="init")
    return load_encoder(name_or_path)


def check_layers(start: Start, config: FitConfig) -> None:
    """Refuse a recipe whose layers cannot take the weights.

    Raises:
        ConfigError: names the first field that differs.
    """
    if isinstance(start, Encoder):
        width = start.vectors.shape[1]
        if width != config.embedding:
            raise ConfigError(
                f"embedding is {config.embedding}; the encoder's word vectors have width {width}: "
                "leave --embedding out",
                field="embedding",
            )
        return
    for field in (*_KINDS, *_SIZES):
        theirs, ours = getattr(start.config, field), getattr(config, field)
        if theirs != ours:
            raise ConfigError(
                f"{field} is {ours!r}; the fit to begin with has {theirs!r}, and its weights fit no other: take its "
                f"preset, and leave --{field} out",
                field=field,
            )


def gives_layers(start: Start, config: FitConfig) -> bool:
    """Whether a fit takes recurrent layers from what it begins with, and not its word vectors alone."""
    return isinstance(start, Fitted) or (config.cell == "lstm" and config.units == start.units)


def check_held_out(start: Fitted, data: Mapping[str, Any]) -> None:
    """Refuse to begin with a fit that has learned from what would now be held out.

    Args:
        start: the fit.
        data: description of what is to be learned from.

    Raises:
        DataError: both are of the same file or archive, and another part of it was held out.
    """
    if start.data.get("sha256") != data.get("sha256"):
        return
    for field in _SPLIT:
        if start.data.get(field) != data.get(field):
            raise DataError(
                f"the fit to begin with held out another part of the same reviews ({field.replace('_', ' ')}: "
                f"{start.data.get(field)}, and here {data.get(field)}): it has learned from reviews that would now "
                f"choose the epoch; give --validation {start.config.validation} --split-seed {start.config.split_seed}",
                field="init",
            )


def _within(path: str) -> str:
    """A variable's path within its model, which is named after the recipe."""
    return path.partition("/")[2]
