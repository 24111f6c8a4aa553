"""Files to read: found from paths, folders, globs and `-`, opened and decompressed; knows nothing of their rows."""

from __future__ import annotations

import codecs
import glob
import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.arrow import arrow
from sentiline.scoring.format import COMPRESSIONS, ENDINGS, Format, format_of

STDIN = "-"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PARTITION = re.compile(r"[^=]+=.*")


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input.

    Attributes:
        name: as messages call it.
        path: None for standard input.
        format: how it is written; a text file's compression is told by its content.
        size: bytes; 0 for standard input.
        modified: time of its last change, in ns; 0 for standard input.
    """

    name: str
    path: Path | None
    format: Format
    size: int = 0
    modified: int = 0


def find_sources(inputs: Sequence[str], forced: str | None = None) -> list[Source]:
    """Find the files that inputs name.

    Args:
        inputs: paths of files or folders, globs, or `-`. Of a folder all files below it with a known ending are
            taken, in order of their paths; hidden ones are not.
        forced: a format that wins over endings.

    Raises:
        DataFileError: nothing there, a file that cannot be read, or a partitioned data set.
        OptionError: a format is unknown.
    """
    sources: list[Source] = []
    for name in inputs:
        if name == STDIN:
            if forced is None:
                raise OptionError(
                    "standard input has no ending that tells its format; name it, for example with --format csv",
                    field="--format",
                )
            if forced == "parquet":
                raise OptionError("Parquet cannot be read from standard input; save it to a file", field="--format")
            sources.append(Source("standard input", None, format_of(name, forced)))
            continue
        paths = list(_expand(name, forced))
        if not paths:
            endings = ", ".join(ENDINGS)
            hint = f"no file with a known ending ({endings})" if Path(name).is_dir() else "nothing of that name"
            raise DataFileError(f"{name}: {hint} is there", field="input")
        sources += [_source(path, forced) for path in paths]
    if len({source.path for source in sources}) < len(sources):
        raise DataFileError("a file is named twice among the inputs; its rows would be doubled", field="input")
    return sources


def _expand(name: str, forced: str | None) -> Iterator[Path]:
    path = Path(name)
    if path.is_dir():
        for found in sorted(path.rglob("*")):
            parts = found.relative_to(path).parts
            if not found.is_file() or any(part.startswith((".", "_")) or part.endswith(".partial") for part in parts):
                continue
            if any(_PARTITION.fullmatch(part) for part in parts[:-1]):
                raise DataFileError(
                    f"{found}: a column is kept in the name of its folder, which is not read; write it into the files",
                    field="input",
                )
            suffixes = [suffix.lower() for suffix in found.suffixes[-2:]]
            if forced or (suffixes and ENDINGS.keys() & {suffixes[-1], *_inner(suffixes)}):
                yield found
    elif path.exists() or not glob.has_magic(name):
        if path.exists():
            yield path
    else:
        yield from sorted(Path(found) for found in glob.glob(name, recursive=True) if Path(found).is_file())  # noqa: PTH207


def _inner(suffixes: list[str]) -> list[str]:
    return suffixes[-2:-1] if suffixes[-1] in COMPRESSIONS else []


def _source(path: Path, forced: str | None) -> Source:
    try:
        status = path.stat()
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}", field="input") from None
    return Source(str(path), path, format_of(str(path), forced), status.st_size, status.st_mtime_ns)


class Lines(io.TextIOWrapper):
    """The text of a file, decoded; bytes that cannot be become lone surrogates.

    Attributes:
        raw_file: the file below decompression, whose position tells how much has been read.
    """

    raw_file: BinaryIO

    def position(self) -> int:
        """Bytes of the file that have been read; 0 for standard input."""
        return self.raw_file.tell() if self.raw_file.seekable() else 0


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
    try:
        codec = codecs.lookup(encoding).name
    except LookupError:
        raise OptionError(
            f"--encoding is {encoding!r}, which is unknown; try utf-8 or cp1252", field="encoding"
        ) from None
    try:
        with sys.stdin.buffer if source.path is None else source.path.open("rb") as raw:
            content = _decompressed(raw, source)
            if codec == "utf-8" and content.peek(2)[:2] in _UTF16:
                raise DataFileError(f"{source.name} is UTF-16; add --encoding utf-16", field="encoding")
            codec = "utf-8-sig" if codec == "utf-8" else codec
            with Lines(content, encoding=codec, errors="surrogateescape", newline=newline) as lines:
                lines.raw_file = raw
                yield lines
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataFileError(f"{source.name} cannot be read: {reason}", field="input") from error


def _decompressed(raw: Any, source: Source) -> Any:
    head = raw.peek(4)[:4]
    if head.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if head.startswith(_ZSTD):
        pa = arrow(f"{source.name} is compressed with zstd, which")
        return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))
    return raw
