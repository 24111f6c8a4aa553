"""The folder in which an output grows: bytes so far, and a journal of which of them are finished."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from sentiline.errors import DataFileError
from sentiline.scoring.io.storage import Location
from sentiline.scoring.resume.journal import Journal

SUFFIX = ".partial"
_DATA, _ASSEMBLED = "data", "assembled"
_STATE = "state-"


class Workspace:
    """An output that is being written.

    Chunks are appended to one file. A line in the journal says that a chunk is finished, and how long the file is with
    it; what a killed run wrote beyond that is cut off. The output appears at once, by a rename, when all is there.

    Attributes:
        chunks: how many are finished.
        tally: the counts over them, as they were given to `append`; None at the beginning.
        finished: whether they are all.
    """

    def __init__(self, output: Location, folder: Path, header: dict[str, Any], *, resume: bool) -> None:
        """Open or create the folder.

        Args:
            output: the file to be.
            folder: where it grows.
            header: what the run was asked to do, as plain values; a resumed run must be asked the same.
            resume: whether to go on where a killed run stopped.

        Raises:
            DataFileError: another run writes here, or was asked for something else, or what it left is damaged.
        """
        self._output = output
        self.folder = folder
        self.chunks = 0
        self.tally: dict[str, Any] | None = None
        self.finished = False
        self._published: str | None = None
        self._journal = Journal(folder, output)
        size = self._replay(header) if resume else 0
        self._data: IO[bytes] | None = None
        if self.published:
            return
        if not self.chunks:
            self.finished = False
            self._journal.begin(header)
        self._data = self.data.open("ab")
        if self._data.tell() < size:
            self.close()
            raise DataFileError(
                f"{self.data} is shorter than its journal says; start anew with --overwrite", field="resume"
            )
        self._data.truncate(size)

    def _replay(self, header: dict[str, Any]) -> int:
        """Read the journal; return how many bytes of data are finished."""
        size = 0
        for entry in self._journal.replay(header):
            if "tally" in entry:
                self.chunks, self.tally, size = self.chunks + 1, entry["tally"], entry["size"]
            self.finished = self.finished or "finished" in entry
            self._published = entry.get("published", self._published)
        if self.chunks and any(self.folder.glob(f"{_STATE}*")) and not self._state(self.chunks).exists():
            raise self._journal.damaged()  # the line of a later state is lost, and that of this one was removed with it
        return size

    def append(self, content: Iterable[bytes], tally: dict[str, Any], state: bytes | None = None) -> None:
        """Add a chunk for good.

        Args:
            content: its bytes, in pieces that are written as they come.
            tally: counts over all chunks with this one.
            state: what else has been gathered over them, to be found in `state` by a run that resumes.

        Raises:
            RuntimeError: the output is published.
        """
        if self._data is None:
            raise RuntimeError("the output is complete")
        self._data.writelines(content)
        self._data.flush()
        os.fsync(self._data.fileno())
        if state is not None:  # named by its chunk: it is there before the journal says so, the last one until then
            with self._state(self.chunks + 1).open("wb") as file:
                file.write(state)
                file.flush()
                os.fsync(file.fileno())
        self._journal.note({"size": self._data.tell(), "tally": tally})
        self.chunks += 1
        if state is not None:
            for old in self.folder.glob(f"{_STATE}*"):  # the last one, and what a killed run left
                if old != self._state(self.chunks):
                    old.unlink()

    @property
    def state(self) -> bytes | None:
        """What was given to `append` with the last finished chunk; None if that was nothing."""
        path = self._state(self.chunks)
        return path.read_bytes() if self.chunks and path.exists() else None

    def _state(self, chunks: int) -> Path:
        return self.folder / f"{_STATE}{chunks}"

    def finish(self) -> None:
        """Note that no chunk will follow."""
        if not self.finished:
            self._journal.note({"finished": True})
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
            self._journal.note({"published": path.name})
            self._published = path.name
        complete = self.folder / str(self._published)
        if complete.exists():
            self._output.receive(complete)
        self.discard()

    def discard(self) -> None:
        """Remove the folder, the journal last."""
        for state in self.folder.glob(f"{_STATE}*"):
            state.unlink()
        for name in (_DATA, _ASSEMBLED):
            (self.folder / name).unlink(missing_ok=True)
        self._journal.remove()
        self.close()
        try:
            self.folder.rmdir()
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # what others put there stays
                raise

    def close(self) -> None:
        """Let go of the files; they stay."""
        if self._data is not None:
            self._data.close()
        self._journal.close()


def folder_of(output: Location, scratch: Path | None = None) -> Path:
    """The folder of an output's workspace.

    Args:
        output: the file to be.
        scratch: the folder to make it in for an output that is not on this machine; default the current one.
    """
    name = Path(output.path).name
    if output.local:
        return Path(output.path).with_name(name + SUFFIX)
    return (scratch or Path.cwd()) / f"{name}-{output.digest}{SUFFIX}"
