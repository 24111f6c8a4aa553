"""What a teacher's members say of many texts, kept on disk piece by piece, so that an interrupted reading goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.distillation.ensemble import Documents, Member
from training.run.arrays_file import write_array

PIECE = 4096
"""Texts between two writes: half a minute of a BiLSTM of 256 units a direction on two CPUs."""


class Readings:
    """A folder of logits. A file is named after the member and the texts, so that only its own readings are found."""

    def __init__(self, folder: Path, advance: Callable[[int], None] = lambda _: None) -> None:
        """Use a folder, which need not exist yet.

        Args:
            folder: of this program's own.
            advance: called with the number of texts whenever a piece is read or found.
        """
        self._folder = folder
        self._advance = advance

    def logits(self, member: Member, documents: Documents) -> NDArray[np.float64]:
        """Logits of token id sequences, float64 [n]; pieces read before are taken from the folder."""
        parts = [self._piece(member, documents[start : start + PIECE]) for start in range(0, len(documents), PIECE)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _piece(self, member: Member, documents: Documents) -> NDArray[np.float64]:
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
