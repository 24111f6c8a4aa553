"""Checks of the beginning of a file: what is no table of reviews would otherwise be scored as one."""

from __future__ import annotations

import logging
import re
from functools import cache

from sentiline.errors import DataFileError
from sentiline.scoring.io.formats import Kind

_LOGGER = logging.getLogger(__name__)
# The first bytes of files that hold no reviews, and the remedy.
_SIGNATURES = {
    b"version https://git-lfs.github.com/spec/": "a Git LFS pointer, not the file itself; fetch that with git lfs pull",
    b"version https://hawser.github.com/spec/": "a Git LFS pointer, not the file itself; fetch that with git lfs pull",
    b"/annex/objects/": "a git-annex pointer, not the file itself; fetch that with git annex get",
    b"%PDF-": "a PDF document; save its text as CSV",
    b"SQLite format 3\0": "an SQLite database; export the table as CSV",
    b"ARROW1\0\0": "an Arrow file; save it as Parquet",
    b"Obj\x01": "an Avro file; save it as Parquet or JSON Lines",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old spreadsheet or document; save it as CSV",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file; save it as Parquet or CSV",
    b"\x93NUMPY": "a NumPy array; save it as Parquet or CSV",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it",
    b"Rar!\x1a\x07": "a RAR archive; unpack it",
    b"\x04\x22\x4d\x18": "compressed with lz4; unpack it",
    b"\xff\x06\0\0sNaPpY": "compressed with Snappy; unpack it",
}
_LINES = 100  # lines that are looked at
_TAR = slice(257, 262)
_MARKUP = re.compile(r"\s*(?:<!--.*?-->\s*)*(?:<!doctype|<html|<head|<body|<\?xml)\b", re.IGNORECASE | re.DOTALL)
# What Hive writes between columns, items and keys, and the separators of ASCII.
_SEPARATORS = re.compile("[\x01-\x06\x1c-\x1f]")


def describe_signature(head: bytes) -> str | None:
    """Return what a file is according to its first bytes, with the remedy; None if they tell nothing."""
    if head[_TAR] == b"ustar":
        return "a tar archive; unpack it"
    return next((found for signature, found in _SIGNATURES.items() if head.startswith(signature)), None)


def check_content(name: str, kind: Kind, head: bytes, codec: str) -> None:
    """Check that a text file may be a table or list of reviews.

    Args:
        name: The name of the file, for messages.
        kind: The format that the file is read as.
        head: Its first bytes, decompressed.
        codec: The encoding in which it is read.

    Raises:
        DataFileError: It is something else, or in another encoding.
    """
    if found := describe_signature(head):
        raise DataFileError(f"{name} is {found}", field="input")
    if not codec.startswith(("utf-16", "utf-32")) and (wide := _wide_encoding(head)):
        raise DataFileError(
            f"{name} seems to be {wide[:6].upper()} without a byte order mark; add --encoding {wide}", field="encoding"
        )
    text = _decode(head, codec)
    if _MARKUP.match(text):
        raise DataFileError(
            f"{name} is a page of HTML or XML, not {kind}: was it downloaded without a login? It begins with "
            f"{' '.join(text.split())[:60]!r}",
            field="input",
        )
    if kind != "text":
        return
    check_separators(name, text)
    lines = [line for line in text.splitlines()[:_LINES] if line.strip()]
    if lines and all(line.startswith("__label__") for line in lines):
        raise DataFileError(
            f"{name}: every line begins with a label of fastText, such as {lines[0].split()[0]!r}, which is no part of "
            r"the text; separate it, for example with sed -E 's/^(__label__[^ ]*) /\1\t/', and add --format tsv "
            "--quoting none --no-header --text-column 2",
            field="input",
        )
    tabs = {line.count("\t") for line in lines[:-1]}  # the last line may be incomplete
    if len(tabs) == 1 and tabs != {0}:
        warn_once(
            f"{name}: every line holds a tab and is read as one text; if tabs separate columns, add --format tsv "
            "--no-header, and name the column of the texts with --text-column"
        )


def check_separators(name: str, text: str) -> None:
    """Raise if every line holds one of the control characters that Hive and old systems write between columns."""
    lines = [line for line in text.splitlines()[:_LINES] if line.strip()]
    if lines and all(map(_SEPARATORS.search, lines)):
        separator = _SEPARATORS.findall(lines[0])[0]
        raise DataFileError(
            f"{name}: every line holds the control character {separator!r}; if it separates columns, add --format csv "
            f"--delimiter $'\\x{ord(separator):02x}', and --no-header if the first line does not name them",
            field="input",
        )


@cache
def warn_once(message: str) -> None:
    """Log a warning, only once although some commands read their files twice."""
    _LOGGER.warning("%s", message)


def ends_lines_with_carriage_returns(head: bytes, codec: str) -> bool:
    """Return whether the lines of a text file end with carriage returns alone, as those of old Macs do."""
    text = _decode(head, codec)
    return "\r" in text[:-1] and "\n" not in text  # the line feed after the last one may follow


def _decode(head: bytes, codec: str) -> str:
    try:
        return head.decode(codec, "replace").removeprefix("\ufeff")
    except UnicodeError:  # some codecs ignore the error handler; the reader names the error
        return ""


def _wide_encoding(head: bytes) -> str | None:
    """Return the encoding of text whose characters have two or four bytes each; None if it is another one."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    lines = head.count(b"\n")
    for order, nuls, others, ends in (("le", odd, even, head.count(b"\n\0")), ("be", even, odd, head.count(b"\0\n"))):
        if 5 * (even + odd) >= 3 * len(head) > 0:  # three bytes of four are NUL
            if head[0] if order == "le" else not head[0]:
                return f"utf-32-{order}"
        # Letters of Latin script have a NUL each; of other scripts, only blanks and line breaks do.
        elif nuls >= 2 and nuls >= 10 * others and (4 * nuls >= len(head) or 5 * ends >= 4 * lines > 0):
            return f"utf-16-{order}"
    return None
