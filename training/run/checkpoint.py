"""Arrays and texts in one `.npz` file without pickle, and the checkpoints of a run, which are such files."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import CheckpointError

_PROGRESS = "__progress__"
# What numpy raises on damaged files.
_DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file, flush it to disk and rename it: readers see the old file or the new one, never a part."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


class NpzReader:
    """An open file that `write_npz` wrote.

    Attributes:
        names: The names of its arrays and texts.
    """

    def __init__(self, file: Mapping[str, NDArray[Any]]) -> None:
        self._file = file
        self.names = list(file)

    def array(self, name: str) -> NDArray[Any]:
        """The array of that name."""
        return self._file[name]

    def text(self, name: str) -> str:
        """The text of that name."""
        return self._file[name].tobytes().decode()


def write_npz(
    path: Path, arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, str], *, compressed: bool = True
) -> None:
    """Write arrays and texts, whose names must differ, as one `.npz` file."""
    contents: dict[str, Any] = {**arrays}
    contents |= {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **contents)
    write_atomically(path, buffer.getvalue())


@contextmanager
def open_npz(path: Path, *, missing: str, damaged: str) -> Iterator[NpzReader]:
    """Open a file that `write_npz` wrote.

    Args:
        path: The file.
        missing: The remedy that the message names where the file does not exist.
        damaged: What the message says of a file that cannot be read, such as "holds no targets".

    Raises:
        CheckpointError: The file does not exist, or its content fails the code of the `with` block.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            yield NpzReader(file)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; {missing}") from None
    except _DAMAGED as error:
        raise CheckpointError(f"{path} {damaged} of this program ({error})") from error


def save(path: Path, arrays: Mapping[str, NDArray[Any]], progress: Mapping[str, Any]) -> None:
    """Write a checkpoint: arrays, and progress as JSON."""
    write_npz(path, arrays, {_PROGRESS: json.dumps(progress)}, compressed=False)


def load(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read a checkpoint that `save` wrote.

    Returns:
        `(arrays, progress)`.

    Raises:
        CheckpointError: The file does not exist, or is not a checkpoint.
    """
    with open_npz(path, missing="there is nothing to resume or export yet", damaged="is not a checkpoint") as file:
        arrays = {name: file.array(name) for name in file.names if name != _PROGRESS}
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
