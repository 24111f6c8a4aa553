"""Atomic writes: a reader sees the old file or the whole new one, whatever moment the writer is killed at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_replacement(path: Path, suffix: str = "part") -> Iterator[Path]:
    """Yield a temporary path in the same folder; the file written there takes the name `path` when the block ends.

    Args:
        path: The file to create or replace.
        suffix: The ending of the temporary file's name. A fixed one lets the next attempt overwrite what a killed
            process left; where several processes may write the same file at once, each needs its own.

    Raises:
        OSError: The file cannot be written or renamed; the old file stays, and nothing else is left.
    """
    temporary = path.with_name(f".{path.name}.{suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # otherwise a power failure may leave the new name with an empty file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes, suffix: str = "part") -> None:
    """Create or replace a file in one step; see `atomic_replacement`.

    Raises:
        OSError: The file cannot be written; the old file stays.
    """
    with atomic_replacement(path, suffix) as temporary:
        temporary.write_bytes(content)
