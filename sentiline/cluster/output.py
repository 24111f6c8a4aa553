"""The folder of Parquet files that a run writes: it grows beside its place, part by part, and appears when complete."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from sentiline.cluster.desk import PARTS, RECORDS, RUN, Desk, Record, write_whole
from sentiline.errors import ClusterError, DataFileError
from sentiline.scoring.workspace import SUFFIX, read_journal

MANIFEST, SUCCESS = "_manifest.json", "_SUCCESS"
"""Files beside the parts; names that begin with an underscore are not read as data."""

_JOURNAL, _REPLACED = "journal.jsonl", "replaced"


class Output:
    """A data set that is being written. One process has it; the workers write its parts with `Desk`.

    A part is finished when its record exists, which is written after the part itself; both appear by a rename, so that
    a part may be written twice, by a worker that was thought dead, and is there once.

    Attributes:
        folder: where it grows.
        run: names this run, so that workers can tell that they see the same folder.
        records: of the finished parts, by split and number.
        counts: of each split that is finished, how many parts it has.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], *, resume: bool) -> None:
        """Open or create the folder.

        Args:
            path: where the data set is to be.
            header: what the run was asked to do, as plain values; a resumed run must be asked the same.
            resume: whether to go on where a stopped run was.

        Raises:
            DataFileError: another run writes here, or was asked for something else.
        """
        self._path = path
        self._header = json.loads(json.dumps(header))
        self.folder = folder_of(path)
        self.run = uuid.uuid4().hex
        self.records: dict[tuple[int, int], Record] = {}
        self.counts: dict[int, int] = {}
        self.published = False
        self.folder.mkdir(exist_ok=True)
        self._journal: IO[bytes] = (self.folder / _JOURNAL).open("a+b")
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._journal.close()
            raise DataFileError(f"another run is writing {path}; wait for it", field="output") from None
        write_whole(self.folder / RUN, self.run.encode())
        if not resume or not self._replay():
            for name in (PARTS, RECORDS):
                shutil.rmtree(self.folder / name, ignore_errors=True)
                (self.folder / name).mkdir()
            self._journal.truncate(0)
            self._note({"header": self._header})
        elif not self.published:
            self._find_finished()

    def _replay(self) -> bool:
        """Read the journal; false if there is none."""
        self._journal.seek(0)
        try:
            entries, end = read_journal(self._journal.read(), self.folder)
        except DataFileError:
            self._journal.close()
            raise
        self._journal.truncate(end)
        for entry in entries:
            if "header" in entry and entry["header"] != self._header:
                changed = [key for key, value in self._header.items() if entry["header"].get(key) != value]
                self._journal.close()
                raise DataFileError(
                    f"the unfinished run in {self.folder} was another: {', '.join(changed)} changed since; run as "
                    "then, or start anew with --overwrite",
                    field="resume",
                )
            if "split" in entry:
                self.counts[entry["split"]] = entry["parts"]
            self.published = self.published or "published" in entry
        return bool(entries)

    def _find_finished(self) -> None:
        for path in (self.folder / RECORDS).glob("*.json"):
            record = Record(**json.loads(path.read_bytes()))
            self.records[record.split, record.number] = record

    @property
    def desk(self) -> Desk:
        """What a worker needs to write parts."""
        return Desk(self.folder, self.run)

    def add(self, record: Record) -> bool:
        """Take note of a finished part; false if it was known."""
        known = (record.split, record.number) in self.records
        self.records[record.split, record.number] = record
        return not known

    def end(self, split: int, parts: int) -> None:
        """Take note of how many parts a split has."""
        if split not in self.counts:
            self.counts[split] = parts
            self._note({"split": split, "parts": parts})

    def finished(self, split: int) -> bool:
        """Whether all parts of a split are."""
        return split in self.counts and all((split, number) in self.records for number in range(self.counts[split]))

    def publish(self, splits: int, manifest: Mapping[str, Any]) -> None:
        """Give the data set its place, and remove the folder.

        Args:
            splits: how many there are.
            manifest: what to write into it before the list of its parts.

        Raises:
            ClusterError: a part is missing.
        """
        parts = self.folder / PARTS
        if not self.published:
            missing = [split for split in range(splits) if not self.finished(split)]
            if missing:
                raise ClusterError(f"{len(missing)} of {splits} splits are not finished; go on with --resume")
            ordered = [self.records[key] for key in sorted(self.records)]
            listed = [{"name": one.name, "rows": one.rows, "bytes": one.bytes, "sha256": one.sha256} for one in ordered]
            names = {one.name for one in ordered}
            for path in parts.iterdir():
                if path.name not in names:  # of a worker that died while it wrote
                    path.unlink()
            write_whole(
                parts / MANIFEST,
                json.dumps({**manifest, "run": _digest(self._header), "parts": listed}, indent=1).encode() + b"\n",
            )
            write_whole(parts / SUCCESS, b"")
            self._note({"published": True})
        if parts.exists():
            if self._path.exists():
                shutil.rmtree(self.folder / _REPLACED, ignore_errors=True)
                self._path.rename(self.folder / _REPLACED)
            parts.rename(self._path)
        self.discard()

    def discard(self) -> None:
        """Remove the folder, the journal last."""
        for name in (PARTS, RECORDS, _REPLACED):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / RUN).unlink(missing_ok=True)
        (self.folder / _JOURNAL).unlink(missing_ok=True)
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the folder; it stays."""
        self._journal.close()

    def _note(self, entry: dict[str, Any]) -> None:
        self._journal.write(json.dumps(entry).encode() + b"\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())


def begin(path: Path, *, resume: bool, overwrite: bool) -> bool:
    """Check what lies where the data set is to be; false if that is complete and there is nothing to resume.

    Raises:
        DataFileError: something is in the way.
    """
    if resume and overwrite:
        raise DataFileError("--resume goes on and --overwrite starts anew: give one of them", field="resume")
    if not path.absolute().parent.is_dir():
        raise DataFileError(f"there is no folder {path.absolute().parent} to write to", field="output")
    if path.exists() and not path.is_dir():
        raise DataFileError(f"{path} is a file; --engine ray writes a folder of Parquet files", field="output")
    journal = folder_of(path) / _JOURNAL
    unfinished = journal.is_file() and journal.stat().st_size > 0
    occupied = path.exists() and any(path.iterdir())
    if resume and occupied and not unfinished:
        return False
    if unfinished and not (resume or overwrite):
        raise DataFileError(
            f"an unfinished run lies in {folder_of(path)}; go on with --resume, or start anew with --overwrite",
            field="output",
        )
    if occupied and not (overwrite or resume):
        raise DataFileError(f"{path} exists; replace it with --overwrite, or write elsewhere", field="output")
    if occupied and not (path / MANIFEST).is_file():
        raise DataFileError(
            f"{path} holds other files than a scored data set, and they would be lost; write elsewhere", field="output"
        )
    return True


def check_same(path: Path, header: Mapping[str, Any]) -> None:
    """Raise unless a complete data set was written by a run that was asked the same.

    Raises:
        DataFileError: it was not, or that cannot be told.
    """
    try:
        same = json.loads((path / MANIFEST).read_bytes()).get("run") == _digest(header)
    except (OSError, ValueError, AttributeError):
        same = False
    if not same:
        raise DataFileError(
            f"{path} exists and is not known to be of these inputs, model and options, and no stopped run lies beside "
            "it: nothing is there to resume; keep it, or replace it with --overwrite",
            field="resume",
        )


def _digest(header: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()


def folder_of(path: Path) -> Path:
    """The folder in which a data set grows."""
    return path.absolute().with_name(path.name + SUFFIX)
