"""Files to read: found from paths, folders, globs, URLs and `-`, opened and decompressed; knows nothing of rows."""

from __future__ import annotations

import codecs
import glob
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path, PurePath
from typing import IO, Any

from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.arrow import arrow
from sentiline.scoring.format import ENDINGS, KINDS, Format, Kind, check_delimiter, ending_of, format_of, kind_of
from sentiline.scoring.location import Location
from sentiline.scoring.partition import Partition, is_partition, partitions_of

STDIN = "-"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet; unpack it, or save it as CSV",
    b"\xfd7zXZ\0": "compressed with xz; unpack it",
    b"BZh91AY&SY": "compressed with bzip2; unpack it",
    b"PAR1\x15": "Parquet; name it .parquet, or add --format parquet",
}
"""How files begin that are no text, and what to do about them."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD = 64 * 1024
"""Bytes by which a format is told where the ending says nothing."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input.

    Attributes:
        name: as messages call it.
        location: None for standard input.
        format: how it is written; a text file's compression is told by its content.
        size: bytes; 0 for standard input.
        modified: time of its last change, in ns; 0 for standard input.
        partitions: columns that the names of its folders keep.
        row_groups: of Parquet the ones to read, which follow one another; None for all.
        once: whether it can be read only once, as standard input and pipes.
    """

    name: str
    location: Location | None
    format: Format
    size: int = 0
    modified: int = 0
    partitions: Mapping[str, Partition] = field(default_factory=dict)
    row_groups: range | None = None
    once: bool = False


def find_sources(
    inputs: Sequence[str], forced: str | None = None, encoding: str = "utf-8", delimiter: str | None = None
) -> list[Source]:
    """Find the files that inputs name.

    Args:
        inputs: paths or URLs of files or folders, globs, or `-`. Of a folder all files below it with a known ending
            are taken, in order of their paths; hidden ones are not. Of a folder or glob, names of folders keep columns,
            from the folder on (of a glob, from the one before its first wildcard), or from as many folders right above
            it as keep columns too; of a file, none do.
        forced: a format that wins over endings and content.
        encoding: of text files, where their content must tell the format.
        delimiter: between the columns of the files, which are CSV or TSV then; default a comma, and a tab for TSV.

    Raises:
        DataFileError: nothing there, or a file that cannot be read.
        OptionError: a format is unknown, or nothing tells it, or it has no delimiter and one is given.
    """
    separator = check_delimiter(delimiter)
    sources: list[Source] = []
    paths: list[str] = []
    for name in inputs:
        if name == STDIN:
            sources.append(_standard_input(forced, encoding, separator))
            paths.append("")
            continue
        if not name:  # as a path it would be the current folder
            raise DataFileError("an input has an empty name; name a file, or . for this folder", field="input")
        location = Location.parse(name)
        found = list(_expand(location, forced))
        if not found:
            status = _status(location)
            hint = f"no file with a known ending ({', '.join(ENDINGS)})" if status else "nothing of that name"
            raise DataFileError(f"{location}: {hint} is there", field="input")
        sources += [_source(one, forced, encoding, separator) for one in found]
        root = _root(location)
        paths += ["" if root is None else str(PurePath(*_parts(one, one.path)[root:])) for one in found]
    places = [source.location.identity if source.location else STDIN for source in sources]
    if len(set(places)) < len(places):
        raise DataFileError("a file is named twice among the inputs; its rows would be doubled", field="input")
    columns = partitions_of(paths)
    sources = [replace(source, partitions=values) for source, values in zip(sources, columns, strict=True)]
    return [_separated(source, separator) for source in sources] if separator else sources


def _separated(source: Source, separator: str) -> Source:
    if source.format.kind not in ("csv", "tsv"):
        raise OptionError(
            f"--delimiter is for CSV and TSV, and {source.name} is read as {source.format.kind}; leave it out, or add "
            "--format csv",
            field="--delimiter",
        )
    return replace(source, format=replace(source.format, separator=separator))


def _expand(location: Location, forced: str | None) -> Iterator[Location]:
    status = _status(location)
    if status and status.folder:
        depth = len(PurePath(location.path).parts)
        for found in location.below():
            parts = PurePath(found.path).parts[depth:]
            if not any(map(_is_hidden, parts)) and (forced or ending_of(found.path)):
                yield found
    elif status:
        yield location
    elif glob.has_magic(location.path):
        yield from location.matches()


def _root(named: Location) -> int | None:
    """How many parts of a file's path lie above the data set that a name stands for; None if it stands for a file."""
    path = PurePath(named.path)
    status = _status(named)
    if status and not status.folder:
        return None
    if not status:
        path = PurePath(*takewhile(lambda part: not glob.has_magic(part), path.parts))
    parts = _parts(named, str(path))
    depth = len(parts)
    while depth and is_partition(parts[depth - 1]):
        depth -= 1
    return depth


def _parts(location: Location, path: str) -> tuple[str, ...]:
    """The parts of a path, the same however it is typed."""
    return PurePath(os.path.abspath(path) if location.local else path).parts  # noqa: PTH100, it keeps links


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part.endswith(".partial") or (part.startswith("_") and not is_partition(part))


def _status(location: Location) -> Any:
    try:
        return location.status()
    except OSError as error:
        raise DataFileError(f"{location} cannot be read: {error.strerror or error}", field="input") from None


def _source(location: Location, forced: str | None, encoding: str, separator: str | None) -> Source:
    status = _status(location)
    try:
        if location.local and not os.access(location.path, os.R_OK):
            raise PermissionError(13, "Permission denied")
        if status is None:
            raise FileNotFoundError(2, "it was there a moment ago")
        pipe = location.local and not Path(location.path).is_file()
        if pipe and not (forced or ending_of(location.path)):  # to look at its content would be to take it away
            raise OptionError(
                f"{location} is a pipe or device, which is read once: name its format with --format {'|'.join(KINDS)}",
                field="--format",
            )
        if forced or ending_of(location.path):
            format = format_of(location.path, forced)
        else:
            with location.open() as raw:
                format = Format(_told_by_content(location.name, raw, encoding, separator))
    except (OSError, EOFError, zlib.error) as error:
        raise DataFileError(
            f"{location} cannot be read: {getattr(error, 'strerror', None) or error}", field="input"
        ) from None
    if pipe and format.kind == "parquet":
        raise OptionError(f"Parquet cannot be read from {location}, a pipe; save it to a file", field="--format")
    return Source(location.name, location, format, status.size, status.modified, once=pipe)


def _standard_input(forced: str | None, encoding: str, separator: str | None) -> Source:
    kind = next((one for one in KINDS if one == forced), None)
    if kind is None:
        format = format_of(STDIN, forced) if forced else None
        kind = format.kind if format else _told_by_content("standard input", _stdin(), encoding, separator)
    if kind == "parquet":
        raise OptionError("Parquet cannot be read from standard input; save it to a file", field="--format")
    return Source("standard input", None, Format(kind), once=True)


def _stdin() -> IO[bytes]:
    if sys.stdin is None:
        raise DataFileError("standard input is closed; pipe a file into it, or name one", field="input")
    return sys.stdin.buffer


def _told_by_content(name: str, raw: Any, encoding: str, separator: str | None) -> Kind:
    """Tell a format by the first bytes of an open file, which are peeked at, not read; with a separator it is CSV."""
    head = raw.peek(_HEAD)[:_HEAD]
    try:
        if head.startswith(_GZIP):
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD)
        elif head.startswith(_ZSTD):
            pa = arrow(f"{name} is compressed with zstd, which")
            head = pa.CompressedInputStream(pa.BufferReader(head), "zstd").read(_HEAD // 16)
        text = head.decode("utf-8-sig" if _codec(encoding) == "utf-8" else encoding, "replace")
    except UnicodeError as error:
        raise DataFileError(f"{name} is not {encoding}: {error}; see --encoding", field="encoding") from None
    except (zlib.error, OSError) as error:
        raise DataFileError(f"{name} cannot be read: {error}", field="input") from None
    kind = "parquet" if head.startswith(b"PAR1") else kind_of(text) or ("csv" if separator else None)
    if kind is None:
        raise OptionError(
            f"{name}: neither its ending nor its content tells the format; name it with --format {'|'.join(KINDS)}",
            field="--format",
        )
    return kind


class InterruptedReadError(DataFileError):
    """A file, or what it lies on, stopped answering: nothing says that it is wrong, and another try may succeed."""


class Lines(io.TextIOWrapper):
    """The text of a file, decoded; bytes that cannot be become lone surrogates.

    Attributes:
        raw_file: the file below decompression, whose position tells how much has been read.
    """

    raw_file: IO[bytes]

    def position(self) -> int:
        """Bytes of the file that have been read; 0 for standard input."""
        try:
            return self.raw_file.tell()
        except OSError:
            return 0


@contextmanager
def open_text(source: Source, encoding: str, newline: str) -> Iterator[Lines]:
    r"""Open a file of text; its compression is told by its first bytes, and a byte order mark is dropped.

    Args:
        source: the file.
        encoding: Python's name of one.
        newline: "\n" if only that ends a line, "" if a carriage return does too.

    Raises:
        DataFileError: it cannot be read, is damaged, or is UTF-16 and `encoding` is UTF-8.
        OptionError: no such encoding.
    """
    codec = _codec(encoding)
    try:
        with _stdin() if source.location is None else source.location.open() as raw:
            content = _decompressed(raw, source)
            if codec == "utf-8" and content.peek(2)[:2] in _UTF16:
                raise DataFileError(f"{source.name} is UTF-16; add --encoding utf-16", field="encoding")
            codec = "utf-8-sig" if codec == "utf-8" else codec
            with Lines(content, encoding=codec, errors="surrogateescape", newline=newline) as lines:
                lines.raw_file = raw
                yield lines
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(source, error) from error


def unreadable(source: Source, error: Exception) -> DataFileError:
    """The error for a file that could not be read on."""
    # pyarrow gives no numbers, neither to what a store answers nor to a damaged archive
    stopped = isinstance(error, OSError) and (error.errno is not None or "AWS Error" in str(error))
    kind = InterruptedReadError if stopped else DataFileError
    return kind(f"{source.name} cannot be read: {getattr(error, 'strerror', None) or error}", field="input")


def _codec(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "a".encode(encoding)  # there are codecs of other things than text
    except (LookupError, ValueError):
        raise OptionError(
            f"--encoding is {encoding!r}, which is unknown or no encoding of text; try utf-8 or cp1252",
            field="encoding",
        ) from None
    return name


def _decompressed(raw: Any, source: Source) -> Any:
    head = raw.peek(16)[:16]
    for magic, found in _OTHERS.items():
        if head.startswith(magic):
            raise DataFileError(f"{source.name} is {found}", field="input")
    if head.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if head.startswith(_ZSTD):
        pa = arrow(f"{source.name} is compressed with zstd, which")
        return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))
    return raw
