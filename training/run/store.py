"""Arrays and texts as one `.npz` file without pickle; what cannot be read of one is one typed error."""

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

from training.errors import CheckpointError
from training.run.checkpoint import write_atomically

_DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


class Stored:
    """An open file."""

    def __init__(self, file: Mapping[str, NDArray[Any]]) -> None:
        """Read from numpy's view of it."""
        self._file = file

    def array(self, name: str) -> NDArray[Any]:
        """An array that `write` was given."""
        return self._file[name]

    def text(self, name: str) -> str:
        """A text that `write` was given."""
        return self._file[name].tobytes().decode()


def write(path: Path, arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, str], *, compressed: bool = True) -> None:
    """Write arrays and texts, none of whose names may be in both."""
    contents: dict[str, Any] = {**arrays}
    contents |= {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **contents)
    write_atomically(path, buffer.getvalue())


@contextmanager
def opened(path: Path, *, missing: str, damaged: str) -> Iterator[Stored]:
    """Read a file of `write`.

    Args:
        path: the file.
        missing: what to do where there is none, for the message.
        damaged: what it does not do, "holds no targets", for the message.

    Raises:
        CheckpointError: it does not exist, or what is done within fails on what it holds.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            yield Stored(file)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; {missing}") from None
    except _DAMAGED as error:
        raise CheckpointError(f"{path} {damaged} of this program ({error})") from error
