"""Atomic writes: a reader sees the old file or the whole new one, whatever moment the writer is killed at."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sentiline.errors import DataFileError


@contextmanager
def atomic_replacement(path: Path, suffix: str = "part") -> Iterator[Path]:
    """Yield a temporary path in the same folder; the file written there takes the name `path` when the block ends.

    Args:
        path: The file to create or replace. A link stays, and the file that it leads to is replaced. A replaced file's
            permissions are kept.
        suffix: The ending of the temporary file's name. A fixed one lets the next attempt overwrite what a killed
            process left; where several processes may write the same file at once, each needs its own.

    Raises:
        OSError: The file cannot be written or renamed; the old file stays, and nothing else is left.
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # otherwise a power failure may leave the new name with an empty file
        copy_permissions(path, temporary)
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


def copy_permissions(old: Path, new: Path) -> None:
    """Give a file the owner and permissions of the one that it is about to replace, if there is one."""
    if old.exists():
        status = old.stat()
        with suppress(OSError):  # only root may give files away
            os.chown(new, status.st_uid, status.st_gid)
        shutil.copymode(old, new)


def check_writable_folder(folder: Path, field: str) -> None:
    """Check that files can be created in a folder, by creating one that has no name.

    Raises:
        DataFileError: They cannot.
    """
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise DataFileError(
            f"no file can be written in the folder {folder}: {error.strerror or error}; choose another one", field=field
        ) from None
