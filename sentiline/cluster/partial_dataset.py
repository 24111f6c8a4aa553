"""The unfinished data set: a folder next to the target, which grows part by part and takes its name when complete."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sentiline.atomic_write import write_atomically
from sentiline.cluster.part_writer import FIGURES, KEPT, PARTS, RECORDS, RUN, PartRecord, PartWriter
from sentiline.cluster.publish import MANIFEST, SUCCESS, publish
from sentiline.errors import ClusterError
from sentiline.scoring.io.storage import Location
from sentiline.scoring.resume.fingerprint import fingerprint_digest
from sentiline.scoring.resume.journal import Journal

_REPLACED = "replaced"


class PartialDataset:
    """A data set that is being written: the driver keeps its records, and the actors write its parts.

    A part is finished when its record exists, which is written after the part itself. Both appear by a rename, so a
    part that two actors write, one of which was thought dead, exists once.

    Attributes:
        folder: The folder in which it grows.
        run: The name of this run, by which the actors tell that they see the same folder.
        records: The records of finished parts, by split and number.
        counts: The number of parts of each split that was read to its end.
        history: The report's state as last saved; None if none was.
        published: Whether the data set was complete when an earlier run stopped.
    """

    def __init__(self, target: Location, folder: Path, header: Mapping[str, Any], *, resume: bool) -> None:
        """Open or create the folder.

        Args:
            target: The location where the data set is published.
            folder: The folder in which it grows, visible to all machines under this path.
            header: The run's inputs, model and options as plain values; those of a resumed run must be equal.
            resume: Whether to continue an interrupted run.

        Raises:
            DataFileError: Another run is writing here, or the interrupted run had other inputs or options.
        """
        self._target = target
        self._header = dict(header)
        self.folder = folder
        self.run = uuid.uuid4().hex
        self.records: dict[tuple[int, int], PartRecord] = {}
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
            self._load_records()

    def _replay(self) -> bool:
        """Read the journal; return whether there is one."""
        entries = self._journal.replay(self._header)
        for entry in entries:
            if "split" in entry:
                self.counts[entry["split"]] = entry["parts"]
            self.history = entry.get("history", self.history)
            self.published = self.published or "published" in entry
        return bool(entries)

    def _load_records(self) -> None:
        for path in (self.folder / RECORDS).glob("*.json"):
            record = PartRecord(**json.loads(path.read_bytes()))
            self.records[record.split, record.number] = record

    @property
    def part_writer(self) -> PartWriter:
        """The object with which actors write parts."""
        return PartWriter(self.folder, self.run)

    def add(self, record: PartRecord) -> bool:
        """Record a finished part; return whether it is new."""
        known = (record.split, record.number) in self.records
        self.records[record.split, record.number] = record
        return not known

    def end_split(self, split: int, parts: int) -> None:
        """Record the number of parts of a split that was read to its end."""
        if split not in self.counts:
            self.counts[split] = parts
            self._journal.append({"split": split, "parts": parts})

    def save_report_state(self, history: dict[str, Any]) -> None:
        """Save a report's state, plain values that a resumed run finds in `history`."""
        self.history = history
        self._journal.append({"history": history})

    def figures(self) -> Iterator[bytes]:
        """Yield the figures of each part for a report, in the order of the rows."""
        for key in sorted(self.records):
            yield (self.folder / FIGURES / self.records[key].name).read_bytes()

    def check(self, splits: int) -> None:
        """Raise unless all splits are finished.

        Args:
            splits: The number of splits.

        Raises:
            ClusterError: A part is missing.
        """
        missing = [split for split in range(splits) if not self.finished(split)]
        if missing:
            raise ClusterError(f"{len(missing)} of {splits} splits are not finished; continue with --resume")

    def finished(self, split: int) -> bool:
        """Whether all parts of a split are finished."""
        return split in self.counts and all((split, number) in self.records for number in range(self.counts[split]))

    def publish(self, splits: int, manifest: Mapping[str, Any]) -> None:
        """Publish the data set at its target, and remove the folder.

        Args:
            splits: The number of splits.
            manifest: The first entries of the data set's manifest; the list of parts follows them.

        Raises:
            ClusterError: A part is missing, or the target cannot be written.
        """
        parts = self.folder / PARTS
        ordered = [self.records[key] for key in sorted(self.records)]
        names = [one.name for one in ordered]
        if not self.published:
            self.check(splits)
            listed = [{"name": one.name, "rows": one.rows, "bytes": one.bytes, "sha256": one.sha256} for one in ordered]
            for path in parts.iterdir():
                if path.name not in names:  # left by an actor that died while it wrote
                    path.unlink()
            write_atomically(
                parts / MANIFEST,
                json.dumps({**manifest, "run": fingerprint_digest(self._header), "parts": listed}, indent=1).encode()
                + b"\n",
            )
            write_atomically(parts / SUCCESS, b"")
            self._journal.append({"published": True})
            self.published = True
        try:
            publish(parts, self._target, self.folder / _REPLACED, names)
        except OSError as error:
            raise ClusterError(f"cannot write {self._target}: {error.strerror or error}; {KEPT}") from None
        self.discard()

    def discard(self) -> None:
        """Remove the folder; its journal goes last, so that an interrupted removal can be resumed."""
        for name in (PARTS, RECORDS, FIGURES, _REPLACED):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / RUN).unlink(missing_ok=True)
        self._journal.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Release the folder's lock; the folder stays."""
        self._journal.close()
