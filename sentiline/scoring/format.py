"""File formats and compressions, told by a file's ending or by name; reads and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, get_args

from sentiline.errors import OptionError

Kind = Literal["csv", "tsv", "jsonl", "parquet", "text"]
Compression = Literal["gzip", "zstd"]
KINDS: tuple[Kind, ...] = get_args(Kind)

ENDINGS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
}
COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is written.

    Attributes:
        kind: what its rows look like.
        compression: around the whole file; None for Parquet, which compresses its pages itself.
    """

    kind: Kind
    compression: Compression | None = None

    @property
    def delimiter(self) -> str:
        """What stands between the columns of CSV and TSV."""
        return "\t" if self.kind == "tsv" else ","


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
    ending = PurePath(path.stem).suffix.lower() if compression else path.suffix.lower()
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
