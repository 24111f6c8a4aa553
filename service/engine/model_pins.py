"""Which version of each model a server serves, agreed upon by its workers, whatever becomes of the models' folders.

The worker that loads a model first copies its files into a folder that all workers share, and pins the copy under the
model's name. Every other worker, and every later load, takes the pinned copy. A worker that stops in good order, as all
of them do on SIGHUP, removes its pins, so that its successors read the models' folders again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sentiline.bundle import MANIFEST, Bundle
from sentiline.errors import BundleCorruptError

from ..telemetry.metrics import MULTIPROCESS_VARIABLE

OUTDATED_SECONDS = 60.0
"""How long a copy is kept after its pin was removed: another worker may be reading it."""


@dataclass(frozen=True)
class BundleReadOnce(Bundle):
    """A bundle that reads each of its files once, so that the copy that is pinned holds what was loaded.

    Attributes:
        contents: The files read so far, by name; to be cleared once they are copied.
    """

    contents: dict[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        """Return the content of one file as `Bundle.read` does, from memory if it was read before."""
        if name not in self.contents:
            self.contents[name] = super().read(name)
        return self.contents[name]


class ModelPins:
    """The pinned copies: a symbolic link per model, which only one worker can create, to the folder of its files."""

    def __init__(self) -> None:
        """Use the folder that the supervisor shares with its workers; without a supervisor, a temporary one."""
        shared = os.environ.get(MULTIPROCESS_VARIABLE) or tempfile.mkdtemp(prefix="sentiline-models-")
        if MULTIPROCESS_VARIABLE not in os.environ:
            weakref.finalize(self, shutil.rmtree, shared, ignore_errors=True)  # also when the process exits
        self._folder = Path(shared) / "models"
        self._folder.mkdir(exist_ok=True)
        self._known = self.pinned()

    def current(self, name: str) -> Path | None:
        """Return the folder of the pinned copy, which identifies it; None if there is none."""
        try:
            return self._folder / (self._folder / name).readlink()
        except OSError:
            return None

    def pinned(self) -> dict[str, Path]:
        """Return the folders of all pinned copies by the models' names."""
        copies = {link.name: self.current(link.name) for link in self._folder.iterdir() if link.is_symlink()}
        return {name: copy for name, copy in copies.items() if copy is not None}

    def pin(self, bundle: Bundle, files: Sequence[str]) -> Path:
        """Copy the manifest and these files of a bundle, and pin the copy unless another worker was faster.

        Returns:
            The folder of the copy that is pinned now.

        Raises:
            BundleCorruptError: The bundle changed while it was read.
            OSError: The files cannot be written.
        """
        name = bundle.manifest.name
        manifest = (bundle.path / MANIFEST).read_bytes()
        if hashlib.sha256(manifest).hexdigest() != bundle.manifest.digest:
            raise BundleCorruptError(f"{bundle.path} changed while it was read; it is tried again", field="model")
        self._remove_outdated(name)
        copy = Path(tempfile.mkdtemp(prefix=f"{name}@", dir=self._folder))
        try:
            (copy / MANIFEST).write_bytes(manifest)
            for file in files:
                (copy / file).write_bytes(bundle.read(file))
            (self._folder / name).symlink_to(copy.name)
        except FileExistsError:
            shutil.rmtree(copy, ignore_errors=True)
            return self.current(name) or self.pin(bundle, files)
        except BaseException:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        return copy

    def note_use(self, name: str, copy: Path) -> None:
        """Remember a pin that this worker relies on, to be removed by `close`."""
        self._known[name] = copy

    def close(self) -> None:
        """Remove the pins that this worker knows; those that its successors have made meanwhile stay."""
        for name, copy in self._known.items():
            self.unpin(name, copy)

    def unpin(self, name: str, copy: Path) -> None:
        """Remove the pin of a copy; a newer pin under that name stays."""
        if self.current(name) == copy:
            with contextlib.suppress(OSError):
                (self._folder / name).unlink()
                os.utime(copy)  # from now on it is outdated

    def _remove_outdated(self, name: str) -> None:
        for copy in self._folder.glob(f"{name}@*"):
            with contextlib.suppress(OSError):
                if copy != self.current(name) and time.time() - copy.stat().st_mtime > OUTDATED_SECONDS:
                    shutil.rmtree(copy, ignore_errors=True)
