"""The checkpoints of a run: its whole state in one file, so that a kill at any moment leaves the last complete one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from training.errors import CheckpointError
from training.run.arrays_file import open_arrays_file, write_arrays_file

_PROGRESS = "__progress__"


def save(path: Path, arrays: Mapping[str, NDArray[Any]], progress: Mapping[str, Any]) -> None:
    """Write a checkpoint: arrays, and progress as JSON."""
    write_arrays_file(path, arrays, {_PROGRESS: json.dumps(progress)}, compressed=False)


def load(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read a checkpoint that `save` wrote.

    Returns:
        `(arrays, progress)`.

    Raises:
        CheckpointError: The file does not exist, or is not a checkpoint.
    """
    missing = "there is nothing to resume or export yet"
    with open_arrays_file(path, missing=missing, damaged="is not a checkpoint", remedy="fit again") as file:
        arrays = {name: file.array(name) for name in file.names() if name != _PROGRESS}
        progress: dict[str, Any] = json.loads(file.text(_PROGRESS))
    return arrays, progress


def assign(variables: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Assign to every variable the array of the same name.

    Args:
        variables: Keras variables by name.
        arrays: Arrays by name, as `load` returns them.

    Raises:
        CheckpointError: The names or a shape differ; nothing was assigned.
    """
    if variables.keys() != arrays.keys():
        odd = sorted(variables.keys() ^ arrays.keys())[0]
        raise CheckpointError(f"the checkpoint belongs to another model: only one of them has {odd}")
    for name, variable in variables.items():
        if tuple(variable.shape) != arrays[name].shape:
            raise CheckpointError(
                f"the checkpoint belongs to another model: {name} has shape {arrays[name].shape} in the checkpoint and "
                f"{tuple(variable.shape)} in the model"
            )
    for name, variable in variables.items():
        variable.assign(arrays[name])
