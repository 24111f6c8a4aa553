"""A folder of labelled sets in one format: `NAME.tsv.gz` with the columns label, text and extra."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.errors import DataError

SUFFIX = ".tsv.gz"
HEADER = "label\ttext\textra"
# The target of each label: the probability that the text is positive.
TARGETS = {"0": 0.0, "neutral": 0.5, "1": 1.0}


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One row of a set.

    Attributes:
        source: The name of the set.
        text: The raw text.
        target: 0.0 for negative, 0.5 for neutral, 1.0 for positive.
        extra: What the set says besides: stars, a pair, a domain; "" if nothing.
    """

    source: str
    text: str
    target: float
    extra: str


def set_names(folder: Path) -> list[str]:
    """List the names of the sets of a folder in alphabetical order.

    Raises:
        DataError: The folder does not exist or has no such file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of labelled sets; name one that holds NAME{SUFFIX} files")
    names = sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))
    if not names:
        raise DataError(f"{folder} holds no NAME{SUFFIX} file; each has the header label, text, extra")
    return names


def read_set(folder: Path, name: str) -> Iterator[LabelledText]:
    """Read one set.

    Rows are split at tabs; nothing is quoted. An empty text is an error, because it has no sentiment to learn.

    Args:
        folder: The folder of the sets.
        name: The name of the set, which is its file's name without `.tsv.gz`.

    Raises:
        DataError: The file does not exist, is not gzip-compressed UTF-8, or a row is not label, text and extra.
    """
    path = folder / f"{name}{SUFFIX}"
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            if (header := next(lines, "").rstrip("\r\n")) != HEADER:
                raise DataError(f"{path}: the header is {header[:80]!r}; it must be {HEADER!r}", field="header")
            for number, line in enumerate(lines, 2):
                yield _parse_row(path, name, number, line.rstrip("\r\n"))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as gzip-compressed UTF-8: {error}") from error


def _parse_row(path: Path, name: str, number: int, line: str) -> LabelledText:
    columns = line.split("\t")
    if len(columns) != 3 or not columns[1].strip():
        raise DataError(f"{path}, line {number}: a row is label, text and extra, separated by tabs; got {line[:80]!r}")
    label, text, extra = columns
    if label not in TARGETS:
        raise DataError(f"{path}, line {number}: the label is {label[:40]!r}; it must be 0, 1 or neutral", field="label")
    return LabelledText(name, text, TARGETS[label], extra)
