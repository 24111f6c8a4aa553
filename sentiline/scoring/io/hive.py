"""Columns that are encoded in folder names, `year=2024/lang=en/part.parquet`, as Hive writes them.

pyarrow's own Hive partitioning is not used: it reads "07" as the number 7, and needs pyarrow for local CSV files, which
are read without it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import unquote

from sentiline.errors import DataFileError

Value = str | int | None


class Partition(NamedTuple):
    """The value of a column for all rows of a file.

    Attributes:
        value: The value.
        whole: Whether the column holds whole numbers in all files of the data set.
    """

    value: Value
    whole: bool


_NULL = "__HIVE_DEFAULT_PARTITION__"
_FOLDER = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}")


def is_partition_folder(folder: str) -> bool:
    """Return whether the name of a folder encodes a column."""
    return _FOLDER.fullmatch(folder) is not None


def parse_partitions(paths: Sequence[str]) -> list[dict[str, Partition]]:
    """Parse the columns that are encoded in the folder names of each file.

    Args:
        paths: The paths of all files of a data set.

    Returns:
        The columns of each path, outermost first. A column holds whole numbers if all its values do, none of them with
        a leading zero ("07" stays text); `__HIVE_DEFAULT_PARTITION__` is null.
    """
    found: list[dict[str, str | None]] = []
    values: dict[str, set[str]] = {}
    for path in paths:
        columns: dict[str, str | None] = {}
        for match in filter(None, map(_FOLDER.fullmatch, PurePath(path).parts[:-1])):
            name, value = unquote(match[1]), unquote(match[2])
            columns[name] = None if value == _NULL else value
        for name, one in columns.items():
            values.setdefault(name, set()).update(() if one is None else (one,))
        found.append(columns)
    whole = {name for name, seen in values.items() if all(map(_INTEGER.fullmatch, seen))}
    return [
        {
            name: Partition(int(value) if value is not None and name in whole else value, name in whole)
            for name, value in columns.items()
        }
        for columns in found
    ]


def matches_partition(held: object, named: Value) -> bool:
    """Return whether a value in a file equals the one in the name of its folder."""
    return held == named or (named is not None and str(held) == str(named))


def partition_conflict(name: str, file: str, partition: Partition) -> DataFileError:
    """Return the error for a column whose value in the file differs from that in the folder name."""
    return DataFileError(
        f"{file}: column {name!r} is {partition.value!r} in the name of its folder and something else in the file; "
        "rename one of them",
        field="columns",
    )
