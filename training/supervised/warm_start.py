"""The weights that a fit may start from: a pre-trained encoder's, or those of a finished fit or its bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.bundle import MANIFEST, Bundle, find_by_name, installed
from sentiline.tokenizer import Tokenizer
from training.config.fit import FitConfig
from training.errors import CheckpointError, ConfigError, DataError, TrainingError
from training.nn.encoder import Encoder, load_encoder
from training.run import checkpoint
from training.supervised import bundle_weights
from training.supervised.run_folder import Run

_KINDS = ("cell", "direction", "head", "activation")
_SIZES = ("layers", "units", "embedding", "hidden")
_SPLIT = ("split", "training_reviews", "validation_reviews")
_CHOICES = (
    'the name or folder of a bundle, the run folder of a finished fit, an encoder.npz of `pretrain`, or "encoder"'
)


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

    @classmethod
    def load(cls, run: Run) -> FinishedFit:
        """Read a run folder.

        Raises:
            CheckpointError: The folder holds no fit with a complete epoch, or it is damaged.
        """
        if not (run.config.exists() and run.best.exists()):
            raise CheckpointError(f"{run.folder} holds no fit with a complete epoch; give {_CHOICES}", field="init")
        try:
            config, data = run.read_config()
            weights, _ = checkpoint.load(run.best)
            tokenizer = run.read_tokenizer()
        except TrainingError as error:
            raise CheckpointError(
                f"{run.folder} cannot be read as a finished fit ({error}); give {_CHOICES}", field="init"
            ) from error
        return cls(config, data, {_path_in_model(path): array for path, array in weights.items()}, tokenizer)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> FinishedFit:
        """Read a bundle that was made by a fit. Its calibration stays in the weights of its head.

        Raises:
            CheckpointError: The bundle has no float32 graph, or its manifest does not describe a fit.
            BundleCorruptError: A file of the bundle is damaged.
        """
        config = bundle_weights.read_config(bundle)
        data = bundle.manifest.document.get("data")
        weights = bundle_weights.read_variables(bundle, config)
        return cls(config, data if isinstance(data, dict) else {}, weights, bundle.tokenizer())

    def digest(self) -> str:
        """The SHA-256 of all weights, hexadecimal."""
        digest = hashlib.sha256()
        for _, array in sorted(self.weights.items()):
            digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def sizes(self) -> dict[str, int]:
        """The fields of the configuration that give the sizes of the layers."""
        return {field: getattr(self.config, field) for field in _SIZES}

    def assign(self, variables: Mapping[str, Any]) -> None:
        """Assign the weights to a model's trainable variables.

        Args:
            variables: The variables by path.

        Raises:
            CheckpointError: The variables belong to a different model.
        """
        checkpoint.assign({_path_in_model(path): variable for path, variable in variables.items()}, self.weights)


InitialWeights = Encoder | FinishedFit


def load_initial_weights(name_or_path: str) -> InitialWeights:
    """Load the weights that a name or a path stands for.

    Args:
        name_or_path: "encoder" for the shipped encoder, an encoder's file, the run folder of a finished fit, a bundle's
            folder, or the name of an installed bundle. A folder comes before an installed bundle of the same name.

    Raises:
        CheckpointError: Nothing of that name exists, or it is damaged, or a bundle that cannot begin a fit.
        BundleCorruptError: A file of the bundle is damaged.
    """
    path = Path(name_or_path).expanduser()
    if name_or_path == "encoder" or path.is_file():
        return load_encoder(str(name_or_path if name_or_path == "encoder" else path))
    if (path / MANIFEST).exists():
        return FinishedFit.from_bundle(Bundle.open(path))
    if path.is_dir():
        return FinishedFit.load(Run(path))
    bundles = installed()
    if name_or_path not in bundles:
        raise CheckpointError(
            f"{path} does not exist, and no model of that name is installed ({', '.join(bundles) or 'none is'}); give "
            f"{_CHOICES}",
            field="init",
        )
    return FinishedFit.from_bundle(find_by_name(name_or_path))


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
    """Whether a model takes recurrent layers from initial weights, and not only word vectors."""
    return isinstance(weights, FinishedFit) or (config.cell == "lstm" and config.units == weights.units)


def check_held_out(finished: FinishedFit, data: Mapping[str, Any]) -> None:
    """Check that a finished fit has not learned from the reviews that a new fit would hold out.

    Args:
        finished: The finished fit.
        data: The description of the new fit's data.

    Raises:
        DataError: Both fits use the same files, but hold out different parts of them.
    """
    if finished.data.get("sha256") != data.get("sha256"):
        return
    for field in _SPLIT:
        if finished.data.get(field) != data.get(field):
            raise DataError(
                f"the model that --init names held out another part of the same reviews ({field.replace('_', ' ')}: "
                f"{finished.data.get(field)}, and here {data.get(field)}), so it has learned from reviews that would "
                f"now choose the epoch; give --validation {finished.config.validation} "
                f"--split-seed {finished.config.split_seed}",
                field="init",
            )


def _path_in_model(path: str) -> str:
    """The path of a variable without the first part, which is the model's name."""
    return path.partition("/")[2]
