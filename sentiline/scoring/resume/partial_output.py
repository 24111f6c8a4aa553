"""The partial output of a run: a folder with the bytes written so far, and a journal of the finished chunks."""

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


class PartialOutput:
    """An output file that is being written.

    Chunks are appended to one file. After each one, a journal entry records the length of that file; whatever a killed
    run wrote beyond it is cut off. The output appears at once, by a rename, when it is complete.

    Attributes:
        folder: The folder.
        chunks: The number of finished chunks.
        summary: The counts over these chunks, as given to `append`; None before the first one.
        finished: Whether no further chunk follows.
    """

    def __init__(self, output: Location, folder: Path, fingerprint: dict[str, Any], *, resume: bool) -> None:
        """Open or create the folder.

        Args:
            output: The place of the complete output.
            folder: The folder for the partial output.
            fingerprint: The fingerprint of the run, see `run_fingerprint`.
            resume: Whether to resume an interrupted run; otherwise it is discarded.

        Raises:
            DataFileError: Another run writes here, or the interrupted run had another fingerprint or is damaged.
        """
        self._output = output
        self.folder = folder
        self.chunks = 0
        self.summary: dict[str, Any] | None = None
        self.finished = False
        self._published: str | None = None
        self._journal = Journal(folder, output)
        size = self._replay(fingerprint) if resume else 0
        self._data: IO[bytes] | None = None
        if self.published:
            return
        if not self.chunks:
            self.finished = False
            self._journal.begin(fingerprint)
        self._data = self.data.open("ab")
        if self._data.tell() < size:
            self.close()
            raise DataFileError(
                f"{self.data} is shorter than its journal says; start over with --overwrite", field="resume"
            )
        self._data.truncate(size)

    def _replay(self, fingerprint: dict[str, Any]) -> int:
        """Read the journal; return the number of bytes in finished chunks."""
        size = 0
        for entry in self._journal.replay(fingerprint):
            if "tally" in entry:
                self.chunks, self.summary, size = self.chunks + 1, entry["tally"], entry["size"]
            self.finished = self.finished or "finished" in entry
            self._published = entry.get("published", self._published)
        if self.chunks and any(self.folder.glob(f"{_STATE}*")) and not self._state(self.chunks).exists():
            # The entry of a later chunk is lost, and the state of this one was removed when that entry was written.
            raise self._journal.damaged()
        return size

    def append(self, content: Iterable[bytes], summary: dict[str, Any], state: bytes | None = None) -> None:
        """Append a chunk and flush it to disk.

        Args:
            content: The bytes of the chunk, in pieces that are written as they come.
            summary: The counts over all chunks up to this one.
            state: Further state of the run after this chunk, which a resumed run finds in `state`.

        Raises:
            RuntimeError: The output is published.
        """
        if self._data is None:
            raise RuntimeError("the output is complete")
        self._data.writelines(content)
        self._data.flush()
        os.fsync(self._data.fileno())
        if state is not None:
            # The file is named after its chunk: the previous state remains until the journal has the new chunk.
            with self._state(self.chunks + 1).open("wb") as file:
                file.write(state)
                file.flush()
                os.fsync(file.fileno())
        self._journal.append({"size": self._data.tell(), "tally": summary})
        self.chunks, self.summary = self.chunks + 1, summary
        if state is not None:
            for old in self.folder.glob(f"{_STATE}*"):
                if old != self._state(self.chunks):
                    old.unlink()

    @property
    def state(self) -> bytes | None:
        """The state given to `append` with the last finished chunk; None if there was none."""
        path = self._state(self.chunks)
        return path.read_bytes() if self.chunks and path.exists() else None

    def _state(self, chunks: int) -> Path:
        return self.folder / f"{_STATE}{chunks}"

    def finish(self) -> None:
        """Record that no further chunk follows."""
        if not self.finished:
            self._journal.append({"finished": True})
            self.finished = True

    @property
    def data(self) -> Path:
        """The file with the bytes of all chunks."""
        return self.folder / _DATA

    @property
    def target(self) -> Path:
        """The file for an output that is assembled from these bytes, such as Parquet."""
        return self.folder / _ASSEMBLED

    @property
    def published(self) -> bool:
        """Whether the interrupted run had completed the output and was moving it to its place."""
        return self._published is not None

    def publish(self, path: Path | None = None) -> None:
        """Move the complete output to its place and remove the folder.

        Args:
            path: The complete output, `data` or `target`; None to repeat the move of an interrupted run.
        """
        if path is not None:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            self._journal.append({"published": path.name})
            self._published = path.name
        complete = self.folder / str(self._published)
        if complete.exists():
            self._output.put(complete)
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
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # files that somebody else put there stay
                raise

    def close(self) -> None:
        """Close the files and keep them."""
        if self._data is not None:
            self._data.close()
        self._journal.close()


def partial_folder(output: Location, scratch: Path | None = None) -> Path:
    """Return the folder of the partial output of a file.

    Args:
        output: The place of the complete output.
        scratch: The folder that holds it if the output is in an object store; None for the current folder.
    """
    name = Path(output.path).name
    if output.local:
        return Path(output.path).with_name(name + SUFFIX)
    return (scratch or Path.cwd()) / f"{name}-{output.digest}{SUFFIX}"
