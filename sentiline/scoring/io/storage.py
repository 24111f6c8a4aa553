"""Where a file lies: on this machine, or in an object store that pyarrow reaches; knows nothing of what is in it."""

from __future__ import annotations

import glob
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.arrow import arrow

SCHEMES = ("s3", "gs")

_URL = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)://(?P<user>[^/@]*@)?(?P<bucket>[^/?]*)/*(?P<key>.*)", re.DOTALL)
_QUERY = re.compile(r"\?(?P<query>[a-z_]+=[^&/]*(?:&[a-z_]+=[^&/]*)*)$")
_PIECE = 4 * 2**20
"""Bytes that one request to a store asks for."""
_RETRIES = 60
"""Seconds for which a request to Google is tried again."""
_PART = 16 * 2**20
"""Bytes of an output that are on their way to a store at once."""


@dataclass(frozen=True, slots=True)
class Status:
    """What lies at a location.

    Attributes:
        folder: whether it is a folder.
        size: bytes of a file.
        modified: time of its last change, in ns.
    """

    folder: bool
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Location:
    """A path on this machine, or a key of an object store.

    Attributes:
        name: as messages call it; without credentials.
        path: on this machine, or bucket and key.
        store: the `pyarrow.fs.FileSystem`; None for this machine.
    """

    name: str
    path: str
    store: Any = None

    @classmethod
    def parse(cls, name: str) -> Location:
        """The location that a user names.

        Args:
            name: a path, or a URL such as `s3://bucket/key`, with parameters of pyarrow's after a question mark.

        Raises:
            DataFileError: another kind of URL, or a store that cannot be reached.
            SettingError: pyarrow is needed and not installed.
        """
        found = _URL.fullmatch(name)
        if not found:
            return cls(name, name)
        scheme, bucket, key = found["scheme"].lower(), found["bucket"], found["key"]
        query = _QUERY.search(name)
        if query:
            key = key.removesuffix(query[0])
        shown = f"{scheme}://{bucket}/{key}"
        if scheme not in SCHEMES or not bucket:
            urls = ", ".join(f"{one}://bucket/key" for one in SCHEMES)
            raise DataFileError(f"{shown} cannot be used; give a path or one of {urls}", field="input")
        filesystems = arrow(f"{scheme}://", "fs")
        parameters = query["query"] if query else ""
        parameters = _with_environment(parameters) if scheme == "s3" else _with_patience(parameters)
        user = found["user"] or ""
        try:
            store, base = filesystems.FileSystem.from_uri(f"{scheme}://{user}{bucket}?{parameters}".rstrip("?"))
        except (OSError, ValueError) as error:
            reason = str(error).replace(user, "") if user else error
            raise DataFileError(f"{shown} cannot be reached: {reason}", field="input") from None
        return cls(shown, f"{base}/{key}" if key else base, store)

    @property
    def local(self) -> bool:
        """Whether it is on this machine."""
        return self.store is None

    @property
    def identity(self) -> str:
        """The same for two names of one place."""
        return str(Path(self.path).resolve()) if self.local else self.name

    @property
    def digest(self) -> str:
        """Some letters that differ where identities do."""
        return hashlib.sha256(self.identity.encode("utf-8", "surrogateescape")).hexdigest()[:8]

    def status(self) -> Status | None:
        """What lies there; None if nothing does.

        Raises:
            OSError: that cannot be told.
        """
        if self.local:
            try:
                status = Path(self.path).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return Status(Path(self.path).is_dir(), status.st_size, status.st_mtime_ns)
        kinds = arrow(self.name, "fs").FileType
        info = self.store.get_file_info(self.path)
        if info.type == kinds.NotFound:
            return None
        return Status(info.type == kinds.Directory, info.size or 0, info.mtime_ns or 0)

    def parent(self) -> Location:
        """The folder it is in; for a store the bucket, since folders need not be made there."""
        if self.local:
            folder = Path(self.path).absolute().parent
            return Location(str(folder), str(folder))
        bucket = self.path.split("/")[0]
        return replace(self, path=bucket, name=self.name.split("://")[0] + "://" + bucket)

    def child(self, name: str) -> Location:
        """A file in this folder."""
        if self.local:
            return Location(str(Path(self.path) / name), str(Path(self.path) / name))
        return self._sibling(f"{self.path.rstrip('/')}/{name}")

    def holds(self, other: Location) -> bool:
        """Whether another location is this one or, this being a folder, lies in it."""
        return other.identity == self.identity or other.identity.startswith(self.identity.rstrip("/") + "/")

    def remove(self) -> None:
        """Remove the file if it is there.

        Raises:
            OSError: that cannot be done.
        """
        if self.local:
            Path(self.path).unlink(missing_ok=True)
        elif self.status() is not None:
            self.store.delete_file(self.path)

    def open(self) -> IO[bytes]:
        """Open the file to be read.

        Raises:
            OSError: that cannot be done.
        """
        if self.local:
            return Path(self.path).open("rb")
        return io.BufferedReader(_Pieces(self.store.open_input_file(self.path)))

    def below(self, leave_out: Callable[[str], bool] | None = None) -> list[Location]:
        """All files in a folder and its folders, in the order of their paths.

        Links to folders are followed, each folder being entered once however many lead to it: by its own path where
        that is below this one.

        Args:
            leave_out: whether a file or folder is not looked at, by its name.

        Raises:
            OSError: a folder cannot be read.
        """
        leave_out = leave_out or (lambda _: False)
        if self.local:
            return [Location(str(path), str(path)) for path in sorted(_walk(Path(self.path), leave_out))]
        selector = arrow(self.name, "fs").FileSelector(self.path, recursive=True, allow_not_found=True)
        keys = [PurePosixPath(info.path) for info in self.store.get_file_info(selector) if info.is_file]
        depth = len(PurePosixPath(self.path).parts)
        return [self._sibling(str(key)) for key in sorted(keys) if not any(map(leave_out, key.parts[depth:]))]

    def matches(self, leave_out: Callable[[str], bool] | None = None) -> list[Location]:
        """All files that the path matches as a glob, `**` as any number of folders, in the order of their paths.

        Args:
            leave_out: whether a folder behind the first wildcard is not looked at, by its name.
        """
        leave_out = leave_out or (lambda _: False)
        parts = Path(self.path).parts if self.local else tuple(self.path.split("/"))
        fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
        if self.local:
            paths = sorted(Path(found) for found in glob.glob(self.path, recursive=True))  # noqa: PTH207
            return [
                Location(str(path), str(path))
                for path in paths
                if path.is_file() and not any(map(leave_out, path.parts[fixed:-1]))
            ]
        pattern = _expression(parts)
        base = replace(self, path="/".join(parts[:fixed]))
        found = (one for one in base.below() if pattern.fullmatch(one.path))
        return [one for one in found if not any(map(leave_out, one.path.split("/")[fixed:-1]))]

    def receive(self, file: Path) -> None:
        """Move a file there. It appears as a whole or not at all.

        Raises:
            OSError: that cannot be done.
        """
        if self.local:
            file.replace(self.path)
            return
        # One call, which ctrl-C cannot break in two: a stream that is closed early would publish what it has.
        arrow(self.name, "fs").copy_files(
            str(file), self.path, destination_filesystem=self.store, chunk_size=_PART, use_threads=True
        )
        status, size = self.status(), file.stat().st_size
        if status is None or status.size != size:
            raise OSError(f"{self.name} holds {status.size if status else 0} bytes of {size}")
        file.unlink()

    def _sibling(self, path: str) -> Location:
        return replace(self, path=path, name=f"{self.name.split('://')[0]}://{path}")

    def __str__(self) -> str:
        return self.name


def parse_output(name: str) -> Location:
    """The location of an output that a user names.

    Raises:
        OptionError: it is `-`, which for inputs is standard input.
        DataFileError: see `Location.parse`.
        SettingError: see `Location.parse`.
    """
    if name == "-":
        raise OptionError(
            "an output appears when it is complete, so it cannot be standard output; name a file, ./- if it is to be "
            "called that",
            field="output",
        )
    return Location.parse(name)


class _Pieces(io.RawIOBase):
    """A file of a store, read in large pieces: each read of 8 KiB would be a request otherwise."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._piece = memoryview(b"")
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._piece:
            self._piece = memoryview(self._file.read(_PIECE))
        taken = self._piece[: len(buffer)]
        buffer[: len(taken)] = taken
        self._piece = self._piece[len(taken) :]
        self._position += len(taken)
        return len(taken)

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _walk(root: Path, leave_out: Callable[[str], bool]) -> Iterator[Path]:
    """All files in a folder and its folders, each folder entered once."""
    entered: set[Path] = set()
    links = [root]
    while links:
        folders, links = links, []
        while folders:
            folder = folders.pop()
            place = folder.resolve()
            if place in entered:
                continue
            entered.add(place)
            for path in folder.iterdir():
                if leave_out(path.name):
                    continue
                if path.is_file():
                    yield path
                elif path.is_dir():
                    (links if path.is_symlink() else folders).append(path)  # a link last: its folder may be below too
        links.sort(reverse=True)


def _with_environment(parameters: str) -> str:
    """Parameters of an S3 URL with the region, which pyarrow else asks AWS for even where the endpoint is another."""
    if "region=" in parameters:
        return parameters
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    elsewhere = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} & os.environ.keys()
    if not region and elsewhere:
        region = "us-east-1"
    return "&".join(filter(None, (parameters, f"region={region}" if region else "")))


def _with_patience(parameters: str) -> str:
    """Parameters of a Google URL with an end to retries, which pyarrow else leaves at a quarter of an hour."""
    if "retry_limit_seconds=" in parameters:
        return parameters
    return "&".join(filter(None, (parameters, f"retry_limit_seconds={_RETRIES}")))


def _expression(parts: Sequence[str]) -> re.Pattern[str]:
    """The regular expression of a glob; no star crosses a slash or matches a leading dot, as in a shell."""
    written = ""
    for part in parts:
        if part == "**":
            written += r"(?:[^/.][^/]*/)*"
            continue
        one = "" if part.startswith(".") else r"(?!\.)"
        for piece in re.findall(r"\*+|\?|\[!?\]?[^\]]*\]|.", part, re.DOTALL):
            if piece.startswith("*"):
                one += "[^/]*"
            elif piece == "?":
                one += "[^/]"
            elif len(piece) > 1:
                inside = piece[1:-1].replace("\\", r"\\")
                one += f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
            else:
                one += re.escape(piece)
        written += one + "/"
    return re.compile(written.removesuffix("/") if parts[-1] != "**" else written + r"(?!\.)[^/]+")
