"""The whole state of a fit in one file, written so that a kill at any moment leaves the last complete one."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import CheckpointError

_PROGRESS = "__progress__"


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside, flush to disk, rename: readers see the old file or the new one, never a half."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def save(path: Path, arrays: Mapping[str, NDArray[Any]], progress: Mapping[str, Any]) -> None:
    """Write arrays and JSON-ready progress as one `.npz` file without pickle."""
    buffer = io.BytesIO()
    encoded = np.frombuffer(json.dumps(progress).encode(), np.uint8)
    contents: dict[str, Any] = {_PROGRESS: encoded, **arrays}
    np.savez(buffer, **contents)
    write_atomically(path, buffer.getvalue())


def load(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `save` wrote.

    Returns:
        `(arrays, progress)`.

    Raises:
        CheckpointError: there is no such file, or it is not a checkpoint.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        progress = json.loads(arrays.pop(_PROGRESS).tobytes())
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist: there is nothing to resume or export there yet") from None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is not a checkpoint of this program ({error}); fit again") from error
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
