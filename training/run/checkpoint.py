"""The whole state of a fit in one file, written so that a kill at any moment leaves the last complete one."""

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
    """Write arrays and JSON-ready progress as one `.npz` file without pickle."""
    write_arrays_file(path, arrays, {_PROGRESS: json.dumps(progress)}, compressed=False)


def load(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `save` wrote.

    Returns:
        `(arrays, progress)`.

    Raises:
        CheckpointError: there is no such file, or it is not a checkpoint.
    """
    missing = "there is nothing to resume or export there yet"
    with open_arrays_file(path, missing=missing, damaged="is not a checkpoint", remedy="fit again") as file:
        progress = json.loads(file.text(_PROGRESS))
        arrays = {name: file.array(name) for name in file.names() if name != _PROGRESS}
    return arrays, progress


def assign(variables: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give every variable the array of its name.

    Args:
        variables: Keras' or TensorFlow's, by name.
        arrays: as `load` returns them.

    Raises:
        CheckpointError: a name is in only one of them, or a shape differs; nothing was assigned.
    """
    if variables.keys() != arrays.keys():
        odd = sorted(variables.keys() ^ arrays.keys())[0]
        raise CheckpointError(f"the checkpoint is of another model: {odd} is in only one of them")
    for name, variable in variables.items():
        if tuple(variable.shape) != arrays[name].shape:
            raise CheckpointError(
                f"the checkpoint is of another model: {name} has shape {arrays[name].shape} there and "
                f"{tuple(variable.shape)} here"
            )
    for name, variable in variables.items():
        variable.assign(arrays[name])
