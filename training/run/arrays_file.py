"""Arrays and texts in one `.npz` file without pickle, written atomically; a damaged file is one typed error."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.atomic_write import write_atomically
from training.errors import CheckpointError

_DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


class ArraysFile:
    """The contents of an open file."""

    def __init__(self, contents: Mapping[str, NDArray[Any]]) -> None:
        """Wrap the mapping that `numpy.load` returns; an array is read when it is asked for."""
        self._contents = contents

    def array(self, name: str) -> NDArray[Any]:
        """Return an array given to `write_arrays_file`."""
        return self._contents[name]

    def text(self, name: str) -> str:
        """Return a text given to `write_arrays_file`."""
        return self._contents[name].tobytes().decode()

    def names(self) -> list[str]:
        """Return the names of all arrays and texts."""
        return list(self._contents)


def write_arrays_file(
    path: Path, arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, str] | None = None, *, compressed: bool = True
) -> None:
    """Write arrays and texts, whose names must differ."""
    contents: dict[str, Any] = {**arrays}
    contents |= {name: np.frombuffer(text.encode(), np.uint8) for name, text in (texts or {}).items()}
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **contents)
    write_atomically(path, buffer.getvalue())


@contextmanager
def open_arrays_file(path: Path, *, missing: str, damaged: str, remedy: str = "") -> Iterator[ArraysFile]:
    """Open a file written by `write_arrays_file`.

    Args:
        path: The file.
        missing: The remedy where there is no such file, for the error message.
        damaged: The complaint about another or a damaged file, such as "holds no targets", for the error message.
        remedy: What to do about it, for the error message.

    Raises:
        CheckpointError: The file does not exist, or the block fails on its contents.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as contents:
            yield ArraysFile(contents)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; {missing}") from None
    except _DAMAGED as error:
        advice = f"; {remedy}" if remedy else ""
        raise CheckpointError(f"{path} {damaged} of this program ({error}){advice}") from error


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write a single array as `.npy` without pickle."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_atomically(path, buffer.getvalue())
