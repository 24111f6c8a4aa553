"""Loads the weights that a fit starts from, and checks that they have not seen the reviews it holds out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiline.bundle import MANIFEST, Bundle, find_by_name, installed
from training.errors import CheckpointError, DataError, TrainingError
from training.nn.encoder import load_encoder
from training.nn.initial_weights import FinishedFit, InitialWeights, path_in_model
from training.run import checkpoint
from training.supervised import bundle_weights
from training.supervised.run_folder import Run

_SPLIT = ("split", "training_reviews", "validation_reviews")
_CHOICES = (
    'the name or folder of a bundle, the run folder of a finished fit, an encoder.npz of `pretrain`, or "encoder"'
)


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


def load_bundle(bundle: Bundle) -> FinishedFit:
    """Load the model of a finished fit from its bundle. Its calibration stays in the weights of its head.

    Raises:
        CheckpointError: The bundle has no float32 graph, or its manifest does not describe a fit.
        BundleCorruptError: A file of the bundle is damaged.
    """
    config = bundle_weights.read_config(bundle)
    data = bundle.manifest.document.get("data")
    weights = bundle_weights.read_variables(bundle, config)
    return FinishedFit(config, data if isinstance(data, dict) else {}, weights, bundle.tokenizer())


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
        return load_bundle(Bundle.open(path))
    if path.is_dir():
        return load_finished_fit(Run(path))
    bundles = installed()
    if name_or_path not in bundles:
        raise CheckpointError(
            f"{path} does not exist, and no model of that name is installed ({', '.join(bundles) or 'none is'}); give "
            f"{_CHOICES}",
            field="init",
        )
    return load_bundle(find_by_name(name_or_path))


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
