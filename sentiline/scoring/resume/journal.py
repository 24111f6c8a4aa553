"""The journal of a run: JSON objects, one a line, which one process at a time may write; knows what the first says."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from sentiline.errors import DataFileError

_NAME = "journal.jsonl"


class Journal:
    """A file in the folder in which an output grows. It begins with a header, which says what the run was asked."""

    def __init__(self, folder: Path, output: object) -> None:
        """Make the folder if it is not there, and open and lock the journal.

        Args:
            folder: where an output grows.
            output: what messages call that output.

        Raises:
            DataFileError: another run has it.
        """
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._file: IO[bytes] = (folder / _NAME).open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise DataFileError(f"another run is writing {output}; wait for it", field="output") from None

    def replay(self, header: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Read what a stopped run noted, and go on behind it.

        A last line that is not whole counts as not written: the machine or the run stopped while it was.

        Args:
            header: what this run was asked, as plain values; the stopped one must have been asked the same.

        Returns:
            The entries, the header included; none if there was no run.

        Raises:
            DataFileError: it was another run, or a line before the last is damaged. The journal is closed then.
        """
        self._file.seek(0)
        content = self._file.read()
        entries: list[dict[str, Any]] = []
        end = 0
        for line in content.splitlines(keepends=True):
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                entry = None
            if not isinstance(entry, dict):
                if end + len(line) < len(content):
                    raise self.damaged()
                break
            entries.append(entry)
            end += len(line)
        self._file.truncate(end)
        self._check(header, entries)
        return entries

    def _check(self, header: Mapping[str, Any], entries: list[dict[str, Any]]) -> None:
        wanted = json.loads(json.dumps(header))
        for entry in entries:
            if "header" in entry and entry["header"] != wanted:
                changed = [key for key, value in wanted.items() if entry["header"].get(key) != value]
                self.close()
                raise DataFileError(
                    f"the unfinished run in {self._folder} was another: {', '.join(changed)} changed since; run as "
                    "then, or start anew with --overwrite",
                    field="resume",
                )

    def begin(self, header: Mapping[str, Any]) -> None:
        """Start anew with a header."""
        self._file.truncate(0)
        self.note({"header": header})

    def note(self, entry: Mapping[str, Any]) -> None:
        """Add an entry, which is on the disk afterwards."""
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def damaged(self) -> DataFileError:
        """Close it; return the error for one that cannot be followed."""
        self.close()
        return DataFileError(f"the journal in {self._folder} is damaged; start anew with --overwrite", field="resume")

    def remove(self) -> None:
        """Remove the file, and let go of it."""
        (self._folder / _NAME).unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file; it stays."""
        self._file.close()


def unfinished(folder: Path) -> bool:
    """Whether a run that was stopped lies there."""
    journal = folder / _NAME
    return journal.is_file() and journal.stat().st_size > 0
