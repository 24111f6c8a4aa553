"""Loads the weights that a fit starts from, and checks that they have not seen the reviews it holds out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.errors import CheckpointError, DataError, TrainingError
from training.nn.encoder import load_encoder
from training.nn.initial_weights import FinishedFit, InitialWeights, path_in_model
from training.run import checkpoint
from training.supervised.run_folder import Run

_SPLIT = ("split", "training_reviews", "validation_reviews")
_CHOICES = 'the run folder of a finished fit, an encoder.npz of `pretrain`, or "encoder"'


def load_finished_fit(run: Run) -> FinishedFit:
    """Load the model of a finished fit from its run folder.

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
    return FinishedFit(config, data, {path_in_model(path): array for path, array in weights.items()}, tokenizer)


def load_initial_weights(name_or_path: str) -> InitialWeights:
    """Load the shipped encoder ("encoder"), an encoder's file, or the run folder of a finished fit.

    Raises:
        CheckpointError: Nothing of that name exists, or it is damaged.
    """
    path = Path(name_or_path)
    if name_or_path != "encoder" and path.is_dir():
        return load_finished_fit(Run(path))
    if name_or_path != "encoder" and not path.exists():
        raise CheckpointError(f"{path} does not exist; give {_CHOICES}", field="init")
    return load_encoder(name_or_path)


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
                f"the fit that --init names held out another part of the same reviews ({field.replace('_', ' ')}: "
                f"{finished.data.get(field)}, and here {data.get(field)}), so it has learned from reviews that would "
                f"now choose the epoch; give --validation {finished.config.validation} "
                f"--split-seed {finished.config.split_seed}",
                field="init",
            )
