"""Columns kept in the names of folders, `year=2024/lang=en/part.parquet`, as Hive writes them; reads no file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import unquote

from sentiline.errors import DataFileError

Value = str | int | None


class Partition(NamedTuple):
    """What the name of a folder says of the rows below it.

    Attributes:
        value: of the column.
        whole: whether the column holds whole numbers, in all files of the data set.
    """

    value: Value
    whole: bool


_NULL = "__HIVE_DEFAULT_PARTITION__"
_FOLDER = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}")


def is_partition(folder: str) -> bool:
    """Whether the name of a folder keeps a column."""
    return _FOLDER.fullmatch(folder) is not None


def partitions_of(paths: Sequence[str]) -> list[dict[str, Partition]]:
    """Columns and values that each file's folders keep.

    Args:
        paths: of the files of one data set.

    Returns:
        For each path its columns, outermost first. A column is a whole number if its values in all paths are, such
        that nothing is lost ("07" stays text); `__HIVE_DEFAULT_PARTITION__` is null.
    """
    found: list[dict[str, str | None]] = []
    for path in paths:
        folders = [_FOLDER.fullmatch(part) for part in PurePath(path).parts[:-1]]
        pairs = [(unquote(one[1]), unquote(one[2])) for one in folders if one]
        found.append({name: None if value == _NULL else value for name, value in pairs})
    values: dict[str, set[str]] = {}
    for columns in found:
        for name, value in columns.items():
            values.setdefault(name, set()).update(() if value is None else (value,))
    whole = {name for name, seen in values.items() if all(map(_INTEGER.fullmatch, seen))}
    return [
        {
            name: Partition(int(value) if value is not None and name in whole else value, name in whole)
            for name, value in columns.items()
        }
        for columns in found
    ]


def agrees(held: object, named: Value) -> bool:
    """Whether a value in a file is the one in the name of its folder."""
    return held == named or (named is not None and str(held) == str(named))


def clash(name: str, file: str, partition: Partition) -> DataFileError:
    """The error for a column of which a file and the name of its folder say different things."""
    return DataFileError(
        f"{file}: column {name!r} is {partition.value!r} in the name of its folder and something else in the file; "
        "rename one of them",
        field="columns",
    )
