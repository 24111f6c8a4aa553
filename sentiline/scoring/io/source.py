"""An input file, or standard input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sentiline.scoring.io.formats import Format
from sentiline.scoring.io.hive import Partition
from sentiline.scoring.io.storage import Location


@dataclass(frozen=True, slots=True)
class Source:
    """An input file, or standard input.

    Attributes:
        name: The name for messages.
        location: The place of the file; None for standard input.
        format: The format. The compression of a text file is detected from its content.
        size: The size in bytes; 0 for standard input.
        modified: The time of the last change in nanoseconds; 0 for standard input.
        partitions: The columns that are encoded in the names of the file's folders.
        row_groups: The consecutive row groups of a Parquet file to read; None for all.
        int96_unit: The unit in which INT96 timestamps of a Parquet file are read, the same for all its row groups; None
            to find it from the file.
        schema: The `pyarrow.Schema` as which a Parquet file is read; None to read it as it is.
        own_schema: The schema of the file itself, if the run has looked at it and it has rows.
        once: Whether it can be read only once, like standard input and pipes.
        one_of_several: Whether it is one of several inputs, so that it may be empty.
        keep_malformed: Whether a row that cannot be read becomes a fault of its chunk instead of an error.
    """

    name: str
    location: Location | None
    format: Format
    size: int = 0
    modified: int = 0
    partitions: Mapping[str, Partition] = field(default_factory=dict)
    row_groups: range | None = None
    int96_unit: Literal["ns", "us"] | None = None
    schema: Any = field(default=None, repr=False)
    own_schema: Any = field(default=None, repr=False)
    once: bool = False
    one_of_several: bool = False
    keep_malformed: bool = False
