"""Object stores: their URLs, and the globs and buffered reads that `pyarrow.fs` lacks."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import require_pyarrow

SCHEMES = ("s3", "gs")

_URL = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)://(?P<user>[^/@]*@)?(?P<bucket>[^/?]*)/*(?P<key>.*)", re.DOTALL)
_QUERY = re.compile(r"\?(?P<query>[a-z_]+=[^&/]*(?:&[a-z_]+=[^&/]*)*)$")
_READ_BYTES = 4 * 2**20  # bytes per request
_RETRY_SECONDS = 60  # for requests to Google; pyarrow's default is a quarter of an hour


def open_store(url: str) -> tuple[str, str, Any] | None:
    """Connect to the object store of a URL.

    Args:
        url: A URL of one of `SCHEMES`, with pyarrow's parameters after a question mark; anything else is a path.

    Returns:
        The URL without credentials and parameters, the path of the object in the store, and the store as a
        `pyarrow.fs.FileSystem`; None if the name is a path.

    Raises:
        DataFileError: The URL has another scheme or no bucket, or the store cannot be reached.
        SettingError: pyarrow is not installed.
    """
    found = _URL.fullmatch(url)
    if not found:
        return None
    scheme, user, bucket = found["scheme"].lower(), found["user"] or "", found["bucket"]
    query = _QUERY.search(url)
    key, parameters = (found["key"].removesuffix(query[0]), query["query"]) if query else (found["key"], "")
    shown = f"{scheme}://{bucket}/{key}"
    if scheme not in SCHEMES or not bucket:
        urls = ", ".join(f"{scheme}://bucket/key" for scheme in SCHEMES)
        raise DataFileError(f"{shown} cannot be used; give a path or one of {urls}", field="input")
    filesystems = require_pyarrow(f"{scheme}://", "fs")
    if scheme == "s3" and "region=" not in parameters:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region and {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} & os.environ.keys():
            region = "us-east-1"  # without a region pyarrow asks AWS for it, even if the endpoint is another
        parameters = "&".join(filter(None, (parameters, region and f"region={region}")))
    elif scheme == "gs" and "retry_limit_seconds=" not in parameters:
        parameters = "&".join(filter(None, (parameters, f"retry_limit_seconds={_RETRY_SECONDS}")))
    try:
        store, base = filesystems.FileSystem.from_uri(f"{scheme}://{user}{bucket}?{parameters}".rstrip("?"))
    except (OSError, ValueError) as error:
        reason = str(error).replace(user, "") if user else error
        raise DataFileError(f"{shown} cannot be reached: {reason}", field="input") from None
    return shown, f"{base}/{key}" if key else base, store


def matches_glob(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether the parts of a path match those of a glob.

    As in a shell, a wildcard matches neither a slash nor a leading dot; `**` matches any number of folders.
    """
    if not pattern or not parts:
        return not pattern and not parts
    visible = not parts[0].startswith(".")
    if pattern[0] == "**":
        rest = pattern[1:]
        if rest and matches_glob(parts, rest):
            return True
        return visible and (matches_glob(parts[1:], pattern) or (not rest and len(parts) == 1))
    matching = fnmatchcase(parts[0], pattern[0]) and (visible or pattern[0].startswith("."))
    return matching and matches_glob(parts[1:], pattern[1:])


class PieceReader(io.RawIOBase):
    """An open object, read in large pieces.

    A larger buffer of `io.BufferedReader` would not do: its `read1`, which text streams call, asks the store for only
    8 KiB per request.
    """

    def __init__(self, file: Any) -> None:
        """Wrap a `pyarrow.NativeFile`."""
        self._file = file
        self._piece = memoryview(b"")
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, or a part of it; return the number of bytes."""
        if not self._piece:
            self._piece = memoryview(self._file.read(_READ_BYTES))
        taken = self._piece[: len(buffer)]
        buffer[: len(taken)] = taken
        self._piece = self._piece[len(taken) :]
        self._position += len(taken)
        return len(taken)

    def tell(self) -> int:
        """Return the number of bytes read so far."""
        return self._position

    def close(self) -> None:
        """Close the object."""
        if not self.closed:
            self._file.close()
        super().close()
