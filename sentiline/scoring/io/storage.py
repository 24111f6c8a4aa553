"""Locations of files on this machine, which those in object stores extend.

Files on this machine do not go through `pyarrow.fs.LocalFileSystem`, because pyarrow is optional: CSV and JSON Lines
are scored without it.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sentiline.atomic_write import copy_permissions


def keep_all(name: str) -> bool:
    """Return False: skip no file."""
    return False


@dataclass(frozen=True, slots=True)
class FileStatus:
    """The status of an existing file or folder.

    Attributes:
        folder: Whether it is a folder.
        size: The size of a file in bytes.
        modified: The time of the last change in nanoseconds.
    """

    folder: bool
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Location:
    """A path on this machine; `ObjectLocation` is a key of an object store.

    Attributes:
        name: The name for messages, without credentials.
        path: The path, or bucket and key.
        store: The `pyarrow.fs.FileSystem` of an object store; None for this machine.
    """

    name: str
    path: str
    store: Any = None

    @property
    def local(self) -> bool:
        """Whether it is on this machine."""
        return self.store is None

    @property
    def identity(self) -> str:
        """A name that all spellings of the location share."""
        return str(Path(self.path).resolve())

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits of a digest of the identity."""
        return hashlib.sha256(self.identity.encode("utf-8", "surrogateescape")).hexdigest()[:8]

    def status(self) -> FileStatus | None:
        """Return the status of the file or folder; None if there is none.

        Raises:
            OSError: The status cannot be read.
        """
        try:
            status = Path(self.path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return FileStatus(Path(self.path).is_dir(), status.st_size, status.st_mtime_ns)

    def parent(self) -> Location:
        """Return the folder of the file; for an object the bucket, since folders need not exist there."""
        folder = str(Path(self.path).absolute().parent)
        return Location(folder, folder)

    def child(self, name: str) -> Location:
        """Return a file in this folder."""
        path = str(Path(self.path) / name)
        return Location(path, path)

    def contains(self, other: Location) -> bool:
        """Return whether another location equals this one or is below it."""
        return other.identity == self.identity or other.identity.startswith(self.identity.rstrip("/") + "/")

    def remove(self) -> None:
        """Remove the file if it exists.

        Raises:
            OSError: The file cannot be removed.
        """
        Path(self.path).unlink(missing_ok=True)

    def open(self) -> IO[bytes]:
        """Open the file for reading.

        Raises:
            OSError: The file cannot be opened.
        """
        return Path(self.path).open("rb")

    def list_files(self, skip: Callable[[str], bool] = keep_all) -> list[Location]:
        """List all files below this folder, in the order of their paths, links that lead nowhere included.

        Links to folders are followed, and each folder is entered once however many links lead to it: by its own path
        if that is below this one.

        Args:
            skip: Whether to leave out a file or folder, by its name.

        Raises:
            OSError: A folder cannot be read.
        """
        return [Location(str(path), str(path)) for path in sorted(_walk(Path(self.path), skip))]

    def glob(self, skip: Callable[[str], bool] = keep_all) -> list[Location]:
        """List all paths that match this one as a glob, with `**` for any number of folders, in their order.

        They include folders and links that lead nowhere.

        Args:
            skip: Whether to leave out a folder behind the first wildcard, by its name.

        Raises:
            OSError: A folder that the glob looks into cannot be read, or is a link that leads nowhere.
        """
        parts = Path(self.path).parts
        fixed = fixed_parts(parts)

        def matches(pattern: Path) -> list[Path]:
            paths = sorted(Path(found) for found in glob.glob(str(pattern), recursive=True))  # noqa: PTH207
            return [path for path in paths if not any(map(skip, path.parts[fixed:-1]))]

        for depth in range(fixed, len(parts)):  # glob leaves out what it may not read without an error
            for path in matches(Path(*parts[: depth + (parts[depth] == "**")])):
                if path.is_dir():
                    if not os.access(path, os.R_OK | os.X_OK):
                        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
                elif is_broken_link(path) and (not path.suffix or parts[depth] != "**"):
                    raise FileNotFoundError(errno.ENOENT, "it is a link to a folder that does not exist", str(path))
        return [Location(str(path), str(path)) for path in matches(Path(*parts))]

    def put(self, file: Path) -> None:
        """Move a file to this location, where it appears as a whole or not at all.

        Raises:
            OSError: The file cannot be moved.
        """
        copy_permissions(Path(self.path), file)
        file.replace(self.path)

    def __str__(self) -> str:
        return self.name


def is_broken_link(path: Path) -> bool:
    """Return whether a path is a link that leads nowhere, or to itself."""
    return path.is_symlink() and not path.exists()


def fixed_parts(parts: Any) -> int:
    """Return the number of parts of a glob before the first one with a wildcard."""
    return next(index for index, part in enumerate(parts) if glob.has_magic(part))


def _walk(root: Path, skip: Callable[[str], bool]) -> Iterator[Path]:
    """Yield all files below a folder, entering each folder once."""
    entered: set[Path] = set()
    links = [root]
    while links:
        folders, links = links, []
        while folders:
            folder = folders.pop()
            resolved = folder.resolve()
            if resolved in entered:
                continue
            entered.add(resolved)
            for path in folder.iterdir():
                if skip(path.name):
                    continue
                if not path.is_dir():
                    yield path
                else:
                    (links if path.is_symlink() else folders).append(path)  # links last: the folder may be below too
        links.sort(reverse=True)
