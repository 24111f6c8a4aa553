"""File formats and compressions, told by a file's ending, its first lines, or by name; reads and writes nothing."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import Literal, get_args

from sentiline.code_points import has_lone_surrogates
from sentiline.errors import OptionError

Kind = Literal["csv", "tsv", "jsonl", "parquet", "text"]
Compression = Literal["gzip", "zstd"]
Quoting = Literal["csv", "none"]
KINDS: tuple[Kind, ...] = get_args(Kind)
QUOTINGS: tuple[Quoting, ...] = get_args(Quoting)

ENDINGS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
}
TEXT_NAMES = frozenset(
    ("text", "review", "review_text", "comment", "content", "body", "message", "sentence", "tweet", "document")
)
"""Names, in any case, of a column that is the text wherever there is one of them only."""

COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}


_COLUMN = re.compile(r"\w[\w .:/()-]{0,63}")


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is written.

    Attributes:
        kind: what its rows look like.
        compression: around the whole file; None for Parquet, which compresses its pages itself.
        separator: what stands between the columns of CSV and TSV where it is not what their names say.
        quotes: whether double quotes around a column of CSV and TSV belong to its writing, not to its text.
    """

    kind: Kind
    compression: Compression | None = None
    separator: str | None = field(default=None, repr=False)
    quotes: bool = field(default=True, repr=False)

    @property
    def delimiter(self) -> str:
        """What stands between the columns of CSV and TSV."""
        return self.separator or ("\t" if self.kind == "tsv" else ",")


def format_of(name: str, forced: str | None = None, *, option: str = "--format") -> Format:
    """Tell a format from a file's name.

    Args:
        name: path of the file, or `-`.
        forced: a kind that wins over the ending.
        option: what errors call the option that forces it.

    Raises:
        OptionError: no such kind, an ending that says nothing, or compressed Parquet.

    Example:
        >>> format_of("reviews.jsonl.gz")
        Format(kind='jsonl', compression='gzip')
    """
    path = PurePath(name)
    compression = COMPRESSIONS.get(path.suffix.lower())
    ending = _ending(path)
    if forced is not None and forced not in KINDS:
        raise OptionError(f"{option} is {forced!r}; it must be one of {', '.join(KINDS)}", field=option)
    kind = next((kind for kind in KINDS if kind == forced), None) or ENDINGS.get(ending)
    if kind is None:
        raise OptionError(
            f"{name}: the ending {ending!r} names no format; use one of {', '.join(ENDINGS)} (then .gz or .zst if "
            f"compressed), or name it with {option} {'|'.join(KINDS)}",
            field=option,
        )
    if kind == "parquet" and compression:
        raise OptionError(
            f"{name}: Parquet compresses its own pages, and is not compressed once more; leave {path.suffix} out",
            field=option,
        )
    return Format(kind, compression)


def check_delimiter(value: str | None) -> str | None:
    r"""Return a delimiter as it stands in files: of one character, or a tab written as `\t`.

    Raises:
        OptionError: it is none.
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
    """Return whether double quotes around a column belong to its writing.

    Raises:
        OptionError: there is no such way of quoting.
    """
    if value not in QUOTINGS:
        raise OptionError(f"--quoting is {value!r}; it must be one of {', '.join(QUOTINGS)}", field="--quoting")
    return value == "csv"


def ending_of(name: str) -> str | None:
    """The ending of a file's name that tells its format; None if there is none."""
    ending = _ending(PurePath(name))
    return ending if ending in ENDINGS else None


def kind_of(text: str) -> Kind | None:
    """Tell what the rows of a text file look like by its first lines.

    An object on the first line means JSON Lines; names of columns, as many as the line after them has values, mean TSV
    or CSV. Plain text is never guessed: its lines may hold commas.

    Args:
        text: the beginning of the file; the last line may be cut.

    Example:
        >>> kind_of("id,review")
        'csv'
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    if lines[0].lstrip().startswith("{"):
        return "jsonl"
    kinds: tuple[Kind, ...] = ("tsv", "csv")
    for kind in kinds:
        try:
            records = list(islice(csv.reader(lines, delimiter=Format(kind).delimiter), 2))
        except csv.Error:
            continue
        header = records[0]
        named = all(map(_COLUMN.fullmatch, header)) and len(set(header)) == len(header)
        known = any(name.strip().lower() in TEXT_NAMES for name in header)
        several = len(header) > 1
        if named and ((known and (several or kind == "csv")) or (several and len(records[-1]) == len(header))):
            return kind
    return None


def _ending(path: PurePath) -> str:
    suffix = path.suffix.lower()
    return PurePath(path.stem).suffix.lower() if suffix in COMPRESSIONS else suffix
