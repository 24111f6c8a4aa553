"""Writes parts into a run's folder: each appears whole, followed by a record of its contents."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentiline.atomic_write import atomic_replacement, write_atomically
from sentiline.cluster.splits import part_name
from sentiline.errors import DataFileError

# in the folder: the run's name, its parts, their records, and each part's figures for a report
RUN, PARTS, RECORDS, FIGURES = "run", "parts", "records", "figures"

KEPT = "finished parts are kept for --resume"


@dataclass(frozen=True, slots=True)
class PartRecord:
    """The record of a finished part.

    Attributes:
        split: The index of its split.
        number: Its index in the split.
        rows: The number of its rows.
        bytes: The size of its file in bytes.
        sha256: The SHA-256 of its file in hexadecimal.
        read: The number of input bytes that it was read from.
        tally: The counts over its rows, see `Summary.as_dict`.
        worker: The name of the node and the id of the process that wrote it.
    """

    split: int
    number: int
    rows: int
    bytes: int
    sha256: str
    read: int
    tally: Mapping[str, Any]
    worker: Sequence[str | int]

    @property
    def name(self) -> str:
        """The name of the part's file."""
        return part_name(self.split, self.number)


@dataclass(frozen=True, slots=True)
class PartWriter:
    """Writes parts into a run's folder, on any machine that sees it.

    Attributes:
        folder: The run's folder.
        run: The run's name.
    """

    folder: Path
    run: str

    def check(self, node: str) -> None:
        """Raise unless this machine sees this run's folder.

        Args:
            node: The name of this machine, for the message.

        Raises:
            DataFileError: The folder cannot be read, or belongs to another run.
        """
        try:
            same = (self.folder / RUN).read_text() == self.run
            problem = "belongs to another run there"
        except OSError as error:
            same, problem = False, f"cannot be read there: {error.strerror}"
        if not same:
            raise DataFileError(
                f"{self.folder} {problem} (node {node}); all machines must see inputs and output under the same "
                "paths, as on a shared file system",
                field="output",
            )

    def write(
        self,
        split: int,
        number: int,
        fill: Callable[[Path], dict[str, Any]],
        figures: Callable[[], bytes] | None = None,
    ) -> PartRecord:
        """Write a part and then its record; each appears when it is complete.

        Args:
            split: The index of the part's split.
            number: The part's index in the split.
            fill: Writes the part's file at the given path, and returns the other values of its record.
            figures: Returns the part's figures for a report; called after `fill`. None for no report.
        """
        name = part_name(split, number)
        attempt = uuid.uuid4().hex  # Ray may start a task again while its first attempt is still writing
        with atomic_replacement(self.folder / PARTS / name, attempt) as growing:
            values = fill(growing)
            with growing.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
            record = PartRecord(split=split, number=number, bytes=size, sha256=digest, **values)
        if figures is not None:
            write_atomically(self.folder / FIGURES / name, figures(), attempt)
        content = json.dumps(asdict(record)).encode()
        write_atomically(self.folder / RECORDS / f"{name}.json", content, attempt)
        return record
