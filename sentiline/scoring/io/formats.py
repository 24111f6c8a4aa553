"""File formats and compressions, and their detection from a file's name or first lines."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import Literal, get_args

from sentiline.code_points import has_lone_surrogates
from sentiline.errors import OptionError
from sentiline.scoring.io.dialect import Dialect

Kind = Literal["csv", "tsv", "jsonl", "parquet", "text"]
Compression = Literal["gzip", "zstd", "bzip2", "xz", "zip"]
Quoting = Literal["csv", "none"]
KINDS: tuple[Kind, ...] = get_args(Kind)
QUOTINGS: tuple[Quoting, ...] = get_args(Quoting)

EXTENSIONS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
}
COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gzip",
    ".zst": "zstd",
    ".bz2": "bzip2",
    ".xz": "xz",
    ".zip": "zip",
}

# A column with one of these names holds the text if it is the only one; case, blanks and punctuation do not matter.
TEXT_NAMES = frozenset(
    (
        *("text", "review", "review_text", "comment", "content", "body", "message", "sentence", "tweet", "document"),
        *("reviewText", "review_body", "review_content", "review_comment", "review_comment_message", "reviews.text"),
        *("comments", "full_text", "tweet_text", "comment_text", "text_review", "SentimentText"),
    )
)

_COLUMN = re.compile(r"\w[\w .:/()-]{0,63}")


@dataclass(frozen=True, slots=True)
class Format:
    """The format of a file.

    Attributes:
        kind: The format of its rows.
        compression: The compression of the whole file; None for Parquet, which compresses its own pages.
        separator: The character between the columns of CSV and TSV, if it is not the usual one.
        quotes: Whether double quotes enclose fields of CSV and TSV, or are part of the text.
        dialect: The dialect of CSV and TSV.
    """

    kind: Kind
    compression: Compression | None = None
    separator: str | None = field(default=None, repr=False)
    quotes: bool = field(default=True, repr=False)
    dialect: Dialect = field(default=Dialect(), repr=False)

    @property
    def delimiter(self) -> str:
        """The character between the columns of CSV and TSV."""
        return self.separator or ("\t" if self.kind == "tsv" else ",")


def format_from_name(name: str, forced: str | None = None, *, option: str = "--format") -> Format:
    """Derive a format from the name of a file.

    Args:
        name: The path of the file, or `-`.
        forced: A kind that takes precedence over the extension.
        option: The option that sets `forced`, for error messages.

    Raises:
        OptionError: There is no such kind, the extension is unknown, or the file would be compressed Parquet.

    Example:
        >>> format_from_name("reviews.jsonl.gz")
        Format(kind='jsonl', compression='gzip')
    """
    path = PurePath(name)
    compression = COMPRESSIONS.get(path.suffix.lower())
    extension = _extension(path)
    if forced is not None and forced not in KINDS:
        raise OptionError(f"{option} is {forced!r}; it must be one of {', '.join(KINDS)}", field=option)
    kind = next((kind for kind in KINDS if kind == forced), None) or EXTENSIONS.get(extension)
    if kind is None or (extension == ".json" and option == "--to" and not forced):
        raise OptionError(
            f"{name}: the extension {extension!r} is unknown; use one of {', '.join(EXTENSIONS)} (then "
            f"{', '.join(COMPRESSIONS)} if compressed), or name the format with {option} {'|'.join(KINDS)}",
            field=option,
        )
    if kind == "parquet" and compression:
        raise OptionError(
            f"{name}: Parquet compresses its own pages and is not compressed again; leave {path.suffix} out",
            field=option,
        )
    if compression == "zip" and option == "--to":
        raise OptionError(f"{name}: ZIP archives are read, not written; end it with .gz or .zst", field=option)
    return Format(kind, compression)


def is_text_name(name: str) -> bool:
    """Return whether a column is named like one of `TEXT_NAMES`."""
    return _plain_name(name) in _PLAIN_TEXT_NAMES


def _plain_name(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


_PLAIN_TEXT_NAMES = frozenset(map(_plain_name, TEXT_NAMES))


def check_delimiter(value: str | None) -> str | None:
    r"""Return a delimiter as it occurs in files: a single character, or a tab if it is written as `\t`.

    Raises:
        OptionError: It is not a single character.
    """
    if value == r"\t":
        return "\t"
    if value is not None and (len(value) != 1 or value in '"\r\n\0\ufeff' or has_lone_surrogates(value)):
        raise OptionError(
            f"--delimiter is {value!r}; it must be one character, such as ';', and neither a quote nor a line break",
            field="--delimiter",
        )
    return value


def check_quoting(value: str) -> bool:
    """Return whether double quotes enclose fields under a quoting rule.

    Raises:
        OptionError: The rule is not one of `QUOTINGS`.
    """
    if value not in QUOTINGS:
        raise OptionError(f"--quoting is {value!r}; it must be one of {', '.join(QUOTINGS)}", field="--quoting")
    return value == "csv"


def known_extension(name: str) -> str | None:
    """Return the extension of a file's name if it determines the format, else None."""
    extension = _extension(PurePath(name))
    return extension if extension in EXTENSIONS else None


def detect_kind(text: str) -> Kind | None:
    """Detect the format of a text file from its first lines.

    An object on the first line, or the start of an array, means JSON Lines. Column names, as many as the next line has
    values, mean TSV or CSV. Plain text is never detected, because its lines may contain commas.

    Args:
        text: The beginning of the file; the last line may be incomplete.

    Example:
        >>> detect_kind("id,review")
        'csv'
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    if lines[0].lstrip().startswith("{") or re.match(r"\s*\[\s*([{\]]|$)", lines[0]):
        return "jsonl"
    kinds: tuple[Kind, ...] = ("tsv", "csv")
    for kind in kinds:
        try:
            records = list(islice(csv.reader(lines, delimiter=Format(kind).delimiter), 2))
        except csv.Error:
            continue
        header = records[0]
        named = all(map(_COLUMN.fullmatch, header)) and len(set(header)) == len(header)
        known = any(map(is_text_name, header))
        several = len(header) > 1
        if named and ((known and (several or kind == "csv")) or (several and len(records[-1]) == len(header))):
            return kind
    return None


def _extension(path: PurePath) -> str:
    suffix = path.suffix.lower()
    return PurePath(path.stem).suffix.lower() if suffix in COMPRESSIONS else suffix
