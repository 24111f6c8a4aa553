"""Access to object stores through pyarrow: URLs, buffered reads and globs, which `pyarrow.fs` has not."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import require_pyarrow

SCHEMES = ("s3", "gs")

_URL = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)://(?P<user>[^/@]*@)?(?P<bucket>[^/?]*)/*(?P<key>.*)", re.DOTALL)
_QUERY = re.compile(r"\?(?P<query>[a-z_]+=[^&/]*(?:&[a-z_]+=[^&/]*)*)$")
_READ_BYTES = 4 * 2**20  # bytes per request
_RETRY_SECONDS = 60  # for requests to Google; pyarrow's default is a quarter of an hour


class ObjectUrl(NamedTuple):
    """The parts of a URL.

    Attributes:
        scheme: The scheme in lower case.
        user: The credentials with the following "@"; empty if there are none.
        bucket: The bucket.
        key: The key; empty for the bucket itself.
        parameters: The query, without the question mark.
    """

    scheme: str
    user: str
    bucket: str
    key: str
    parameters: str

    @property
    def shown(self) -> str:
        """The URL for messages, without credentials and parameters."""
        return f"{self.scheme}://{self.bucket}/{self.key}"


def parse_url(name: str) -> ObjectUrl | None:
    """Parse the URL of an object.

    Returns:
        Its parts; None if the name is a path.

    Raises:
        DataFileError: The scheme is not one of `SCHEMES`, or there is no bucket.
    """
    found = _URL.fullmatch(name)
    if not found:
        return None
    query = _QUERY.search(name)
    key = found["key"].removesuffix(query[0]) if query else found["key"]
    url = ObjectUrl(found["scheme"].lower(), found["user"] or "", found["bucket"], key, query["query"] if query else "")
    if url.scheme not in SCHEMES or not url.bucket:
        urls = ", ".join(f"{scheme}://bucket/key" for scheme in SCHEMES)
        raise DataFileError(f"{url.shown} cannot be used; give a path or one of {urls}", field="input")
    return url


def open_store(url: ObjectUrl) -> tuple[Any, str]:
    """Connect to the store of a URL.

    Returns:
        The `pyarrow.fs.FileSystem`, and the path of the object in it.

    Raises:
        DataFileError: The store cannot be reached.
        SettingError: pyarrow is not installed.
    """
    filesystems = require_pyarrow(f"{url.scheme}://", "fs")
    parameters = url.parameters
    if url.scheme == "s3" and "region=" not in parameters:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region and {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} & os.environ.keys():
            region = "us-east-1"  # without a region pyarrow asks AWS for it, even if the endpoint is another
        parameters = "&".join(filter(None, (parameters, region and f"region={region}")))
    elif url.scheme == "gs" and "retry_limit_seconds=" not in parameters:
        parameters = "&".join(filter(None, (parameters, f"retry_limit_seconds={_RETRY_SECONDS}")))
    try:
        uri = f"{url.scheme}://{url.user}{url.bucket}?{parameters}".rstrip("?")
        store, base = filesystems.FileSystem.from_uri(uri)
    except (OSError, ValueError) as error:
        reason = str(error).replace(url.user, "") if url.user else error
        raise DataFileError(f"{url.shown} cannot be reached: {reason}", field="input") from None
    return store, f"{base}/{url.key}" if url.key else base


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
    """An open object, read in large pieces: otherwise each read of 8 KiB would be a request."""

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
