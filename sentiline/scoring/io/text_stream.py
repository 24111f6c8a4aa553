"""Files of text, opened: decompressed by what their first bytes say, and decoded; knows nothing of rows."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.arrow import arrow

if TYPE_CHECKING:
    from sentiline.scoring.io.source import Source

_GZIP, _ZSTD = b"\x1f\x8b", (b"\x28\xb5\x2f\xfd", *(bytes((one, 0x2A, 0x4D, 0x18)) for one in range(0x50, 0x60)))
"""How compressed files begin; those of zstd may begin with frames that are to be skipped."""
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet; unpack it, or save it as CSV",
    b"\xfd7zXZ\0": "compressed with xz; unpack it",
    b"BZh91AY&SY": "compressed with bzip2; unpack it",
    b"PAR1\x15": "Parquet; name it .parquet, or add --format parquet",
}
"""How files begin that are no text, and what to do about them."""
_LONE = "sentiline-lone-surrogates"
"""Handler of decoding errors: a lone surrogate for whatever is not of the encoding, so that its row can be told."""
codecs.register_error(_LONE, lambda error: ("\udc80", error.end))  # type: ignore[attr-defined]
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD = 64 * 1024
"""Bytes by which a format is told where the ending says nothing."""


def standard_input() -> IO[bytes]:
    """The bytes of standard input.

    Raises:
        DataFileError: it is closed.
    """
    if sys.stdin is None:
        raise DataFileError("standard input is closed; pipe a file into it, or name one", field="input")
    return sys.stdin.buffer


def beginning(name: str, raw: Any, encoding: str) -> tuple[bytes, str]:
    """The first bytes of an open file, decompressed, and their text; they are peeked at, not read.

    Raises:
        DataFileError: they are damaged, or not of the encoding.
        OptionError: no such encoding.
        SettingError: pyarrow is needed and not installed.
    """
    head = raw.peek(_HEAD)[:_HEAD]
    try:
        if head.startswith(_GZIP):
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD)
        elif head.startswith(_ZSTD):
            pa = arrow(f"{name} is compressed with zstd, which")
            head = pa.CompressedInputStream(pa.BufferReader(head), "zstd").read(_HEAD // 16)
        return head, head.decode("utf-8-sig" if _codec(encoding) == "utf-8" else encoding, "replace")
    except UnicodeError as error:
        raise DataFileError(f"{name} is not {encoding}: {error}; see --encoding", field="encoding") from None
    except (zlib.error, OSError) as error:
        raise DataFileError(f"{name} cannot be read: {error}", field="input") from None


class InterruptedReadError(DataFileError):
    """A file, or what it lies on, stopped answering: nothing says that it is wrong, and another try may succeed."""


class Lines(io.TextIOWrapper):
    """The text of a file, decoded; what cannot be becomes lone surrogates.

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
        with standard_input() if source.location is None else source.location.open() as raw:
            content = _decompressed(raw, source)
            if codec == "utf-8" and content.peek(2)[:2] in _UTF16:
                raise DataFileError(f"{source.name} is UTF-16; add --encoding utf-16", field="encoding")
            codec = "utf-8-sig" if codec == "utf-8" else codec
            with Lines(content, encoding=codec, errors=_LONE, newline=newline) as lines:
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
