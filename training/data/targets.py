"""The targets of a student: token ids with a teacher's probabilities, in one file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer
from training.data.dataset import Dataset
from training.run.arrays_file import open_arrays_file, write_arrays_file


@dataclass(frozen=True, eq=False)
class Targets:
    """Reviews and pieces of reviews with the probability that they are positive.

    Attributes:
        ids: The token ids of each text, int32 [n_i], n_i >= 1.
        probabilities: The probabilities, float32 [len(ids)].
        tokenizer: The tokenizer that produced the ids.
        provenance: A JSON-ready description of the teachers and their accuracy.
    """

    ids: tuple[NDArray[np.int32], ...]
    probabilities: NDArray[np.float32]
    tokenizer: Tokenizer
    provenance: Mapping[str, Any]

    def dataset(self) -> Dataset:
        """The texts as a data set, with the probabilities as labels."""
        return Dataset(self.ids, self.probabilities)

    def digest(self) -> str:
        """The SHA-256 of ids and probabilities, hexadecimal."""
        digest = hashlib.sha256(np.concatenate(self.ids).astype("<i4").tobytes())
        digest.update(self.probabilities.astype("<f4").tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write the targets as one `.npz` file without pickle."""
        arrays = {
            "ids": np.concatenate(self.ids),
            "lengths": np.array([len(ids) for ids in self.ids], np.int32),
            "probabilities": self.probabilities,
        }
        texts = {"tokenizer": self.tokenizer.to_json(), "provenance": json.dumps(self.provenance)}
        write_arrays_file(path, arrays, texts, compressed=False)

    @classmethod
    def load(cls, path: Path) -> Targets:
        """Read a file that `save` wrote.

        Raises:
            CheckpointError: The file does not exist, or holds no targets.
            BundleCorruptError: The tokenizer of the file does not belong to this release.
        """
        missing = "`python -m training label` makes targets"
        with open_arrays_file(path, missing=missing, damaged="holds no targets") as file:
            ends = np.cumsum(file.array("lengths"))
            return cls(
                ids=tuple(np.split(file.array("ids"), ends[:-1])),
                probabilities=file.array("probabilities"),
                tokenizer=Tokenizer.from_json(file.text("tokenizer"), source=path),
                provenance=json.loads(file.text("provenance")),
            )
