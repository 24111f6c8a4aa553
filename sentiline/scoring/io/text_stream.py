"""Text files, opened: decompressed according to their first bytes, and decoded."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.io.content_check import check_content, ends_lines_with_carriage_returns
from sentiline.scoring.io.source import Source

# The first bytes of compressed files; zstd files may begin with skippable frames.
_GZIP, _ZSTD = b"\x1f\x8b", (b"\x28\xb5\x2f\xfd", *(bytes((one, 0x2A, 0x4D, 0x18)) for one in range(0x50, 0x60)))
_BZIP2, _XZ, _ZIP = b"BZh", b"\xfd7zXZ\0", b"PK\x03\x04"
# What the libraries raise for files that are damaged or cannot be read.
READ_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)
# The first bytes of files that are not text, and the remedy.
_NOT_TEXT = {
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x5d\0\0": "compressed with lzma; unpack it with unlzma, or compress it with xz",
    b"\x1f\x9d": "compressed with compress; unpack it with uncompress",
    b"PAR1\x15": "Parquet; name it .parquet, or add --format parquet",
}
# A handler of decoding errors that writes a lone surrogate for bytes that do not fit the encoding, which marks the row.
_LONE = "sentiline-lone-surrogates"
codecs.register_error(_LONE, lambda error: ("\udc80", error.end))  # type: ignore[attr-defined]
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD = 64 * 1024  # bytes from which a format is detected


def stdin_bytes() -> IO[bytes]:
    """Return standard input as a binary file.

    Raises:
        DataFileError: Standard input is closed.
    """
    if sys.stdin is None:
        raise DataFileError("standard input is closed; pipe a file into it, or name one", field="input")
    return sys.stdin.buffer


def peek_text(name: str, raw: Any, encoding: str) -> tuple[bytes, str]:
    """Peek at the beginning of an open file, without moving its position.

    Args:
        name: The name of the file, for messages.
        raw: The open file.
        encoding: The encoding of its text.

    Returns:
        The first bytes, decompressed, and their text.

    Raises:
        DataFileError: The bytes are damaged, or do not fit the encoding.
        OptionError: There is no such encoding.
        SettingError: pyarrow is needed and not installed.
    """
    head = raw.peek(_HEAD)[:_HEAD]
    if not head.startswith(b"PAR1"):
        _check_text(name, head)
    try:
        if head.startswith(_GZIP):
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD)
        elif head.startswith(_ZSTD):
            pa = require_pyarrow(f"{name} is compressed with zstd, which")
            head = pa.CompressedInputStream(pa.BufferReader(head), "zstd").read(_HEAD // 16)
        elif head.startswith((_BZIP2, _XZ, _ZIP)):  # whose first bytes alone may hold no text yet
            if not raw.seekable():
                raise OptionError(
                    f"{name} is compressed, which hides its format; name it with --format, or unpack it before",
                    field="--format",
                )
            head = _decompressed(raw, name).peek(_HEAD)[:_HEAD]
            raw.seek(0)
        return head, head.decode(_codec(encoding), "replace").removeprefix("\ufeff")
    except UnicodeError as error:
        raise DataFileError(f"{name} is not {encoding}: {error}; see --encoding", field="encoding") from None
    except READ_ERRORS as error:
        raise unreadable(name, error) from None


class InterruptedReadError(DataFileError):
    """A file could not be read to its end because its storage failed; another try may succeed."""


class TextStream(io.TextIOWrapper):
    """The decoded text of a file, with lone surrogates for bytes that do not fit the encoding.

    Attributes:
        raw_file: The file below decompression, whose position is the progress.
    """

    raw_file: IO[bytes]

    def position(self) -> int:
        """Return the number of bytes of the file read so far; 0 for standard input."""
        try:
            return self.raw_file.tell()
        except OSError:
            return 0


@contextmanager
def open_text(source: Source, encoding: str, newline: str | None) -> Iterator[TextStream]:
    r"""Open a text file; its compression is detected from its first bytes, and a byte order mark is dropped.

    Args:
        source: The file.
        encoding: The name of the encoding in Python.
        newline: "\n" if nothing else ends a line, unless all lines end with carriage returns; "" if a carriage return
            always does so too.

    Raises:
        DataFileError: The file cannot be read, is damaged, is UTF-16 where `encoding` is UTF-8, or is no text file of
            reviews, see `check_content`.
        OptionError: There is no such encoding.
    """
    codec = _codec(encoding)
    try:
        with stdin_bytes() if source.location is None else source.location.open() as raw:
            content = _decompressed(raw, source.name)
            if codec == "utf-8" and content.peek(2)[:2] in _UTF16:
                raise DataFileError(f"{source.name} is UTF-16; add --encoding utf-16", field="encoding")
            head = content.peek(_HEAD)[:_HEAD]
            check_content(source.name, source.format.kind, head, codec)
            if newline == "\n" and ends_lines_with_carriage_returns(head, codec):
                newline = None
            mark = _byte_order_mark(codec)
            if mark and content.peek(len(mark)).startswith(mark):
                content.read(len(mark))
            with TextStream(content, encoding=codec, errors=_LONE, newline=newline) as lines:
                lines.raw_file = raw
                yield lines
    except READ_ERRORS as error:
        raise read_error(source, error) from error


def read_error(source: Source, error: Exception) -> DataFileError:
    """Return the error for a file that could not be read to its end."""
    # pyarrow sets no errno, neither for a failing store nor for a damaged archive.
    interrupted = isinstance(error, OSError) and (error.errno is not None or "AWS Error" in str(error))
    return unreadable(source.name, error, InterruptedReadError if interrupted else DataFileError)


def unreadable(name: str, error: Exception, kind: type[DataFileError] = DataFileError) -> DataFileError:
    """Return the error for one of `READ_ERRORS`."""
    if "Frame requires too much memory" in str(error):  # zstd's own limit, which pyarrow has no option for
        return DataFileError(
            f"{name} was compressed by zstd with a window of more than 128 MiB (--long=28 to --long=31), which is not "
            "read; unpack it with zstd -d --long=31, or pipe zstd -dc --long=31 into the command, with - as the input",
            field="input",
        )
    return kind(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}", field="input")


def _codec(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "a".encode(encoding)  # some codecs are not for text
    except (LookupError, ValueError):
        raise OptionError(
            f"--encoding is {encoding!r}, which is unknown or not a text encoding; try utf-8 or cp1252",
            field="encoding",
        ) from None
    return name


def _byte_order_mark(codec: str) -> bytes:
    """Return the byte order mark that Python's decoder of an encoding would leave in the text; empty if there is none.

    "utf-16" and "utf-32" read the mark themselves.
    """
    try:
        return b"" if codec in ("utf-16", "utf-32", "utf-8-sig") else "\ufeff".encode(codec)
    except UnicodeError:
        return b""


def _check_text(name: str, head: bytes) -> None:
    """Raise if the first bytes of a file are not those of text or of a compression that is read."""
    for magic, found in _NOT_TEXT.items():
        if head.startswith(magic):
            raise DataFileError(f"{name} is {found}", field="input")


def _decompressed(raw: Any, name: str) -> Any:
    head = raw.peek(16)[:16]
    _check_text(name, head)
    if head.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if head.startswith(_ZSTD):
        pa = require_pyarrow(f"{name} is compressed with zstd, which")
        return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))
    if head.startswith(_BZIP2) and head[4:10] == b"1AY&SY":
        return io.BufferedReader(bz2.BZ2File(raw))
    if head.startswith(_XZ):
        return io.BufferedReader(lzma.LZMAFile(raw))
    return io.BufferedReader(_open_zip_member(raw, name)) if head.startswith(_ZIP) else raw


def zip_members(raw: Any, name: str) -> list[str]:
    """Return the names of the files in a ZIP archive, without what macOS adds.

    Raises:
        DataFileError: The archive is not a file on this machine.
    """
    if not raw.seekable():
        raise DataFileError(
            f"{name} is a ZIP archive, which is read from files on this machine only; unpack it with unzip -p",
            field="input",
        )
    with zipfile.ZipFile(raw) as archive:
        found = [one.filename for one in archive.infolist() if not one.is_dir()]
    return [one for one in found if not one.startswith("__MACOSX/") and not one.endswith(".DS_Store")]


def _open_zip_member(raw: Any, name: str) -> Any:
    """Open the only file in a ZIP archive."""
    members = zip_members(raw, name)
    if "[Content_Types].xml" in members or "mimetype" in members:
        raise DataFileError(f"{name} is a spreadsheet or document; save it as CSV", field="input")
    if len(members) != 1:
        shown = ", ".join(members[:5]) + (", …" if len(members) > 5 else "")
        raise DataFileError(
            f"{name} is a ZIP archive with {len(members)} files ({shown}); one file is read: unpack it into a folder, "
            "and score that",
            field="input",
        )
    archive = zipfile.ZipFile(raw)
    if archive.getinfo(members[0]).flag_bits & 1:
        raise DataFileError(f"{name} is an encrypted ZIP archive; unpack it", field="input")
    return archive.open(members[0])
