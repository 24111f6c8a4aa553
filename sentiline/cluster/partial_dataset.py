"""The folder of Parquet files that a run writes: it grows beside its place, part by part, and appears when complete."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sentiline.atomic_write import write_atomically
from sentiline.cluster.part_writer import FIGURES, PARTS, RECORDS, RUN, PartWriter, Record
from sentiline.cluster.publish import MANIFEST, SUCCESS, publish
from sentiline.errors import ClusterError
from sentiline.scoring.io.storage import Location
from sentiline.scoring.resume.fingerprint import digest_of
from sentiline.scoring.resume.journal import Journal

_REPLACED = "replaced"


class PartialDataset:
    """A data set that is being written. One process has it; the workers write its parts with `PartWriter`.

    A part is finished when its record exists, which is written after the part itself; both appear by a rename, so that
    a part may be written twice, by a worker that was thought dead, and is there once.

    Attributes:
        folder: where it grows.
        run: names this run, so that workers can tell that they see the same folder.
        records: of the finished parts, by split and number.
        counts: of each split that is finished, how many parts it has.
        history: what was last given to `save_report_state`; None if nothing was.
    """

    def __init__(self, target: Location, folder: Path, header: Mapping[str, Any], *, resume: bool) -> None:
        """Open or create the folder.

        Args:
            target: where the data set is to be.
            folder: where it grows, seen by all machines under this path.
            header: what the run was asked to do, as plain values; a resumed run must be asked the same.
            resume: whether to go on where a stopped run was.

        Raises:
            DataFileError: another run writes here, or was asked for something else.
        """
        self._target = target
        self._header = dict(header)
        self.folder = folder
        self.run = uuid.uuid4().hex
        self.records: dict[tuple[int, int], Record] = {}
        self.counts: dict[int, int] = {}
        self.history: dict[str, Any] | None = None
        self.published = False
        self._journal = Journal(self.folder, target)
        write_atomically(self.folder / RUN, self.run.encode())
        if not resume or not self._replay():
            for name in (PARTS, RECORDS, FIGURES):
                shutil.rmtree(self.folder / name, ignore_errors=True)
                (self.folder / name).mkdir()
            self._journal.begin(self._header)
        else:
            self._find_finished()

    def _replay(self) -> bool:
        """Read the journal; false if there is none."""
        entries = self._journal.replay(self._header)
        for entry in entries:
            if "split" in entry:
                self.counts[entry["split"]] = entry["parts"]
            self.history = entry.get("history", self.history)
            self.published = self.published or "published" in entry
        return bool(entries)

    def _find_finished(self) -> None:
        for path in (self.folder / RECORDS).glob("*.json"):
            record = Record(**json.loads(path.read_bytes()))
            self.records[record.split, record.number] = record

    @property
    def part_writer(self) -> PartWriter:
        """What a worker needs to write parts."""
        return PartWriter(self.folder, self.run)

    def add(self, record: Record) -> bool:
        """Take note of a finished part; false if it was known."""
        known = (record.split, record.number) in self.records
        self.records[record.split, record.number] = record
        return not known

    def end(self, split: int, parts: int) -> None:
        """Take note of how many parts a split has."""
        if split not in self.counts:
            self.counts[split] = parts
            self._journal.note({"split": split, "parts": parts})

    def save_report_state(self, history: dict[str, Any]) -> None:
        """Take note of plain values, to be found in `history` by a run that resumes."""
        self.history = history
        self._journal.note({"history": history})

    def figures(self) -> Iterator[bytes]:
        """What was gathered for a report, part by part, in the order of the rows."""
        for key in sorted(self.records):
            yield (self.folder / FIGURES / self.records[key].name).read_bytes()

    def check(self, splits: int) -> None:
        """Raise unless all splits are finished.

        Args:
            splits: how many there are.

        Raises:
            ClusterError: a part is missing.
        """
        missing = [split for split in range(splits) if not self.finished(split)]
        if missing:
            raise ClusterError(f"{len(missing)} of {splits} splits are not finished; go on with --resume")

    def finished(self, split: int) -> bool:
        """Whether all parts of a split are."""
        return split in self.counts and all((split, number) in self.records for number in range(self.counts[split]))

    def publish(self, splits: int, manifest: Mapping[str, Any]) -> None:
        """Give the data set its place, and remove the folder.

        Args:
            splits: how many there are.
            manifest: what to write into it before the list of its parts.

        Raises:
            ClusterError: a part is missing, or the data set cannot be put there.
        """
        parts = self.folder / PARTS
        ordered = [self.records[key] for key in sorted(self.records)]
        names = [one.name for one in ordered]
        if not self.published:
            self.check(splits)
            listed = [{"name": one.name, "rows": one.rows, "bytes": one.bytes, "sha256": one.sha256} for one in ordered]
            for path in parts.iterdir():
                if path.name not in names:  # of a worker that died while it wrote
                    path.unlink()
            write_atomically(
                parts / MANIFEST,
                json.dumps({**manifest, "run": digest_of(self._header), "parts": listed}, indent=1).encode() + b"\n",
            )
            write_atomically(parts / SUCCESS, b"")
            self._journal.note({"published": True})
            self.published = True
        try:
            publish(parts, self._target, self.folder / _REPLACED, names)
        except OSError as error:
            raise ClusterError(
                f"cannot write {self._target}: {error.strerror or error}; what is finished is kept for --resume"
            ) from None
        self.discard()

    def discard(self) -> None:
        """Remove the folder, the journal last."""
        for name in (PARTS, RECORDS, FIGURES, _REPLACED):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / RUN).unlink(missing_ok=True)
        self._journal.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the folder; it stays."""
        self._journal.close()
