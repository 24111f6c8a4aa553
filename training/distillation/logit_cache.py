"""A cache of the logits of an ensemble's members, so that an interrupted labelling run can be resumed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.distillation.ensemble import Documents, Member
from training.run.arrays_file import write_array

# The number of texts per file: half a minute for a BiLSTM of 256 units per direction on two CPUs.
CHUNK_TEXTS = 4096


class LogitCache:
    """A folder of logits; a file name is a digest of the member and the texts."""

    def __init__(self, folder: Path, advance: Callable[[int], None] = lambda _: None) -> None:
        """Use a folder, which is created when the first chunk is written.

        Args:
            folder: A folder used for nothing else.
            advance: Called with the number of texts of each chunk that was computed or found.
        """
        self._folder = folder
        self._advance = advance

    def logits(self, member: Member, documents: Documents) -> NDArray[np.float64]:
        """Return the logits of token id sequences, float64 [n], computing only chunks that are not in the folder."""
        parts = [
            self._chunk(member, documents[start : start + CHUNK_TEXTS])
            for start in range(0, len(documents), CHUNK_TEXTS)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _chunk(self, member: Member, documents: Documents) -> NDArray[np.float64]:
        digest = hashlib.sha256(f"{member.identity} {[len(ids) for ids in documents]}".encode())
        digest.update(np.concatenate(documents).astype("<i4").tobytes())
        path = self._folder / f"{digest.hexdigest()[:32]}.npy"
        if path.exists():
            found: NDArray[np.float64] = np.load(path, allow_pickle=False)
        else:
            found = member.logits(documents)
            self._folder.mkdir(parents=True, exist_ok=True)
            write_array(path, found)
        self._advance(len(documents))
        return found
