"""Locations of files in an object store that pyarrow reaches, and the parsing of the names of all locations."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.io.object_store import PieceReader, matches_glob, open_store
from sentiline.scoring.io.storage import FileStatus, Location, fixed_parts, keep_all

_UPLOAD_BYTES = 16 * 2**20  # bytes of an output that are uploaded at a time


@dataclass(frozen=True, slots=True)
class ObjectLocation(Location):
    """A key of an object store."""

    @property
    def identity(self) -> str:
        """A name that all spellings of the location share."""
        return self.name

    def status(self) -> FileStatus | None:
        """Return the status of the object or folder; None if there is none."""
        types = require_pyarrow(self.name, "fs").FileType
        info = self.store.get_file_info(self.path)
        if info.type == types.NotFound:
            return None
        return FileStatus(info.type == types.Directory, info.size or 0, info.mtime_ns or 0)

    def parent(self) -> Location:
        """Return the bucket."""
        return self._sibling(self.path.split("/")[0])

    def child(self, name: str) -> Location:
        """Return an object below this key."""
        return self._sibling(f"{self.path.rstrip('/')}/{name}")

    def remove(self) -> None:
        """Remove the object if it exists."""
        if self.status() is not None:
            self.store.delete_file(self.path)

    def open(self) -> IO[bytes]:
        """Open the object for reading."""
        return io.BufferedReader(PieceReader(self.store.open_input_file(self.path)))

    def list_files(self, skip: Callable[[str], bool] = keep_all) -> list[Location]:
        """List all objects below this key, in the order of their keys."""
        selector = require_pyarrow(self.name, "fs").FileSelector(self.path, recursive=True, allow_not_found=True)
        keys = [PurePosixPath(info.path) for info in self.store.get_file_info(selector) if info.is_file]
        depth = len(PurePosixPath(self.path).parts)
        return [self._sibling(str(key)) for key in sorted(keys) if not any(map(skip, key.parts[depth:]))]

    def glob(self, skip: Callable[[str], bool] = keep_all) -> list[Location]:
        """List all objects whose keys match the path as a glob, in the order of their keys."""
        parts = self.path.split("/")
        fixed = fixed_parts(parts)
        return [
            found
            for found in self._sibling("/".join(parts[:fixed])).list_files()
            if matches_glob(found.path.split("/"), parts) and not any(map(skip, found.path.split("/")[fixed:-1]))
        ]

    def put(self, file: Path) -> None:
        """Upload a file and remove it."""
        # A single call, which ctrl-C cannot interrupt: a stream that is closed early would publish a part of the file.
        require_pyarrow(self.name, "fs").copy_files(
            str(file), self.path, destination_filesystem=self.store, chunk_size=_UPLOAD_BYTES, use_threads=True
        )
        status, size = self.status(), file.stat().st_size
        if status is None or status.size != size:
            raise OSError(f"{self.name} holds {status.size if status else 0} bytes of {size}")
        file.unlink()

    def _sibling(self, path: str) -> ObjectLocation:
        return replace(self, path=path, name=f"{self.name.split('://')[0]}://{path}")


def parse_location(name: str) -> Location:
    """Parse the name of a file.

    Args:
        name: A path, or a URL such as `s3://bucket/key`, with pyarrow's parameters after a question mark.

    Raises:
        DataFileError: The URL has another scheme, or the store cannot be reached.
        SettingError: pyarrow is needed and not installed.
    """
    found = open_store(name)
    return ObjectLocation(*found) if found else Location(name, name)


def parse_output(name: str) -> Location:
    """Parse the name of an output; a link stands for the file that it leads to, which is replaced instead of the link.

    Raises:
        OptionError: The name is `-`.
        DataFileError: See `parse_location`.
        SettingError: See `parse_location`.
    """
    if name == "-":
        raise OptionError(
            "an output appears when it is complete, so it cannot be standard output; name a file (./- if that is its "
            "name)",
            field="output",
        )
    location = parse_location(name)
    if not location.local or not Path(location.path).is_symlink():
        return location
    target = os.path.realpath(location.path)
    if Path(target).is_symlink():
        raise DataFileError(f"{name} is a link that leads to itself; remove it, or name another file", field="output")
    return replace(location, path=target)
