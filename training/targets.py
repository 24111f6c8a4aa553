"""What a student learns from: token ids with a teacher's probabilities, as one file."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer
from training.checkpoint import write_atomically
from training.dataset import Dataset
from training.errors import CheckpointError


@dataclass(frozen=True, eq=False)
class Targets:
    """Reviews and pieces of reviews with the probability that they are positive.

    Attributes:
        ids: token ids of each text, int32 [n_i], n_i >= 1.
        probabilities: float32 [len(ids)].
        tokenizer: the one that made the ids.
        provenance: JSON-ready: who the teachers were and what they reached.
    """

    ids: tuple[NDArray[np.int32], ...]
    probabilities: NDArray[np.float32]
    tokenizer: Tokenizer
    provenance: Mapping[str, Any]

    def dataset(self) -> Dataset:
        """The texts with their probabilities as labels."""
        return Dataset(self.ids, self.probabilities)

    def digest(self) -> str:
        """SHA-256 over ids and probabilities, hexadecimal."""
        digest = hashlib.sha256(np.concatenate(self.ids).astype("<i4").tobytes())
        digest.update(self.probabilities.astype("<f4").tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write as one `.npz` without pickle."""
        arrays: dict[str, Any] = {
            "ids": np.concatenate(self.ids),
            "lengths": np.array([len(ids) for ids in self.ids], np.int32),
            "probabilities": self.probabilities,
        }
        for name, text in (("tokenizer", self.tokenizer.to_json()), ("provenance", json.dumps(self.provenance))):
            arrays[name] = np.frombuffer(text.encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Targets:
        """Read what `save` wrote.

        Raises:
            CheckpointError: there is no such file, or it holds no targets.
        """
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                ends = np.cumsum(file["lengths"])
                return cls(
                    ids=tuple(np.split(file["ids"], ends[:-1])),
                    probabilities=file["probabilities"],
                    tokenizer=Tokenizer.from_json(file["tokenizer"].tobytes().decode()),
                    provenance=json.loads(file["provenance"].tobytes()),
                )
        except FileNotFoundError:
            raise CheckpointError(f"{path} does not exist; `python -m training label` makes targets") from None
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"{path} holds no targets of this program ({error})") from error
