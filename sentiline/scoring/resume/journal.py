"""The journal of a run: a locked file with one JSON object per line, the first of which holds the fingerprint."""

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
    """The journal in the folder of a partial output. One process at a time can open it."""

    def __init__(self, folder: Path, output: object) -> None:
        """Create the folder if it does not exist, and open and lock the journal.

        Args:
            folder: The folder of the partial output.
            output: The output, for messages.

        Raises:
            DataFileError: Another process has locked the journal.
        """
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._file: IO[bytes] = (folder / _NAME).open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise DataFileError(f"another run is writing {output}; wait for it", field="output") from None

    def replay(self, fingerprint: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Read the entries of an interrupted run; later entries are appended behind them.

        An incomplete last line is cut off: the run was interrupted while it was written.

        Args:
            fingerprint: The fingerprint of this run, which must equal that of the interrupted one.

        Returns:
            The entries, the fingerprint first; none if there was no run.

        Raises:
            DataFileError: The fingerprint has changed, or a line before the last is damaged. The journal is closed.
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
        self._check(fingerprint, entries)
        return entries

    def _check(self, fingerprint: Mapping[str, Any], entries: list[dict[str, Any]]) -> None:
        wanted = json.loads(json.dumps(fingerprint))
        for entry in entries:
            if "header" in entry and entry["header"] != wanted:
                changed = [key for key, value in wanted.items() if entry["header"].get(key) != value]
                self.close()
                raise DataFileError(
                    f"{', '.join(changed)} changed since the interrupted run in {self._folder}; rerun with the old "
                    "ones, or start over with --overwrite",
                    field="resume",
                )

    def begin(self, fingerprint: Mapping[str, Any]) -> None:
        """Discard all entries and write the fingerprint of a new run."""
        self._file.truncate(0)
        self.append({"header": fingerprint})

    def append(self, entry: Mapping[str, Any]) -> None:
        """Append an entry and flush it to disk."""
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def damaged(self) -> DataFileError:
        """Close the journal and return the error for a damaged one."""
        self.close()
        return DataFileError(f"the journal in {self._folder} is damaged; start over with --overwrite", field="resume")

    def remove(self) -> None:
        """Remove the file and release the lock."""
        (self._folder / _NAME).unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Release the lock and keep the file."""
        self._file.close()


def has_unfinished_run(folder: Path) -> bool:
    """Return whether a folder holds the journal of an interrupted run."""
    journal = folder / _NAME
    return journal.is_file() and journal.stat().st_size > 0
