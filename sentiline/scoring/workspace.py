"""The folder beside an output in which it grows: bytes so far, and a journal of which of them are finished."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any

from sentiline.errors import DataFileError

SUFFIX = ".partial"
_JOURNAL, _DATA, _ASSEMBLED = "journal.jsonl", "data", "assembled"


class Workspace:
    """An output that is being written.

    Chunks are appended to one file. A line in the journal says that a chunk is finished, and how long the file is with
    it; what a killed run wrote beyond that is cut off. The output appears at once, by a rename, when all is there.

    Attributes:
        chunks: how many are finished.
        tally: the counts over them, as they were given to `append`; None at the beginning.
        finished: whether they are all.
    """

    def __init__(self, output: Path, header: dict[str, Any], *, resume: bool) -> None:
        """Open or create the folder.

        Args:
            output: the file to be.
            header: what the run was asked to do, as plain values; a resumed run must be asked the same.
            resume: whether to go on where a killed run stopped.

        Raises:
            DataFileError: another run writes here, or was asked for something else.
        """
        self._output = output
        self.folder = folder_of(output)
        self.chunks = 0
        self.tally: dict[str, Any] | None = None
        self.finished = False
        self._published: str | None = None
        self.folder.mkdir(exist_ok=True)
        self._journal: IO[bytes] = (self.folder / _JOURNAL).open("a+b")
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._journal.close()
            raise DataFileError(f"another run is writing {output}; wait for it", field="output") from None
        size = self._replay(header) if resume else 0
        self._data: IO[bytes] | None = None
        if self.published:
            return
        if not self.chunks:
            self.finished = False
            self._journal.truncate(0)
            self._write({"header": header})
        self._data = self.data.open("ab")
        if self._data.tell() < size:
            self.close()
            raise DataFileError(
                f"{self.data} is shorter than its journal says; start anew with --overwrite", field="resume"
            )
        self._data.truncate(size)

    def _replay(self, header: dict[str, Any]) -> int:
        """Read the journal; return how many bytes of data are finished."""
        self._journal.seek(0)
        content = self._journal.read()
        whole = content[: content.rfind(b"\n") + 1]  # a line that was being written when the run was killed is none
        self._journal.truncate(len(whole))
        size = 0
        for line in whole.splitlines():
            entry = json.loads(line)
            if "header" in entry and entry["header"] != header:
                changed = [key for key, value in header.items() if entry["header"].get(key) != value]
                self._journal.close()
                raise DataFileError(
                    f"the unfinished run in {self.folder} was another: {', '.join(changed)} changed since; run as "
                    "then, or start anew with --overwrite",
                    field="resume",
                )
            if "tally" in entry:
                self.chunks, self.tally, size = self.chunks + 1, entry["tally"], entry["size"]
            self.finished = self.finished or "finished" in entry
            self._published = entry.get("published", self._published)
        return size

    def append(self, content: bytes, tally: dict[str, Any]) -> None:
        """Add a chunk for good.

        Args:
            content: its bytes.
            tally: counts over all chunks with this one.

        Raises:
            RuntimeError: the output is published.
        """
        if self._data is None:
            raise RuntimeError("the output is complete")
        self._data.write(content)
        self._data.flush()
        os.fsync(self._data.fileno())
        self._write({"size": self._data.tell(), "tally": tally})
        self.chunks += 1

    def finish(self) -> None:
        """Note that no chunk will follow."""
        if not self.finished:
            self._write({"finished": True})
            self.finished = True

    @property
    def data(self) -> Path:
        """The bytes of all chunks."""
        return self.folder / _DATA

    @property
    def target(self) -> Path:
        """Where an output that is not those bytes themselves is to be assembled."""
        return self.folder / _ASSEMBLED

    @property
    def published(self) -> bool:
        """Whether the output was complete, and on its way to its place, when a run was killed."""
        return self._published is not None

    def publish(self, path: Path | None = None) -> None:
        """Give the output its name, and remove the folder.

        Args:
            path: the complete output, `data` or `target`; None to go on where a killed run stopped.
        """
        if path is not None:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            self._write({"published": path.name})
            self._published = path.name
        complete = self.folder / str(self._published)
        if complete.exists():
            complete.replace(self._output)
        self.discard()

    def discard(self) -> None:
        """Remove the folder, the journal last."""
        for name in (_DATA, _ASSEMBLED, _JOURNAL):
            (self.folder / name).unlink(missing_ok=True)
        self.close()
        self.folder.rmdir()

    def close(self) -> None:
        """Let go of the files; they stay."""
        if self._data is not None:
            self._data.close()
        self._journal.close()

    def _write(self, entry: dict[str, Any]) -> None:
        self._journal.write(json.dumps(entry).encode() + b"\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())


def folder_of(output: Path) -> Path:
    """The folder of an output's workspace."""
    return output.with_name(output.name + SUFFIX)
