"""Where a worker writes parts into the folder of a run: each appears whole, with a record of what is in it."""

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

RUN, PARTS, RECORDS, FIGURES = "run", "parts", "records", "figures"
"""In the folder: the name of the run, its parts, their records, and what a report shows of each."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is noted of a finished part.

    Attributes:
        split: index of its split.
        number: its place there.
        rows: in it.
        bytes: of its file.
        sha256: of its file, in hexadecimal.
        read: bytes of the input.
        tally: counts over its rows, see `Tally.as_dict`.
        worker: node and process that wrote it.
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
        """The part's file."""
        return part_name(self.split, self.number)


@dataclass(frozen=True, slots=True)
class PartWriter:
    """Writes parts into the folder of a run, on any machine that sees it.

    Attributes:
        folder: of the run.
        run: its name.
    """

    folder: Path
    run: str

    def check(self, node: str) -> None:
        """Raise unless this machine sees the folder of this run.

        Args:
            node: what to call this machine.

        Raises:
            DataFileError: it does not.
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
    ) -> Record:
        """Write a part and its record, each of which appears when it is complete.

        Args:
            split: index of its split.
            number: its place there.
            fill: writes the part's file, which does not exist yet; returns the other values of its record.
            figures: what a report shows of it; called after `fill`. None for no report.
        """
        name = part_name(split, number)
        attempt = uuid.uuid4().hex  # Ray may run a task again while its first run still writes
        with atomic_replacement(self.folder / PARTS / name, attempt) as growing:
            values = fill(growing)
            with growing.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
            record = Record(split=split, number=number, bytes=size, sha256=digest, **values)
        if figures is not None:
            write_atomically(self.folder / FIGURES / name, figures(), attempt)
        content = json.dumps(asdict(record)).encode()
        write_atomically(self.folder / RECORDS / f"{name}.json", content, attempt)
        return record
