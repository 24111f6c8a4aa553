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
from training.data.spans import SpanTargets
from training.run.arrays_file import open_arrays_file, write_arrays_file


@dataclass(frozen=True, eq=False)
class Targets:
    """Reviews and pieces of reviews with the probability that they are positive.

    Attributes:
        ids: The token ids of each text, int32 [n_i], n_i >= 1.
        probabilities: The probabilities, float32 [len(ids)].
        tokenizer: The tokenizer that produced the ids.
        provenance: A JSON-ready description of the teachers and their accuracy.
        spans: Texts with parts whose sentiment is known, if there are any.
    """

    ids: tuple[NDArray[np.int32], ...]
    probabilities: NDArray[np.float32]
    tokenizer: Tokenizer
    provenance: Mapping[str, Any]
    spans: SpanTargets | None = None

    def dataset(self) -> Dataset:
        """The texts as a data set, with the probabilities as labels."""
        return Dataset(self.ids, self.probabilities)

    def digest(self) -> str:
        """The SHA-256 of ids, probabilities and spans, hexadecimal."""
        digest = hashlib.sha256(np.concatenate(self.ids).astype("<i4").tobytes())
        digest.update(self.probabilities.astype("<f4").tobytes())
        if self.spans is not None:
            for array in (*self.spans.ids, self.spans.owners, self.spans.starts, self.spans.ends):
                digest.update(array.astype("<i4").tobytes())
            digest.update(self.spans.probabilities.astype("<f4").tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write the targets as one `.npz` file without pickle."""
        arrays = {
            "ids": np.concatenate(self.ids),
            "lengths": np.array([len(ids) for ids in self.ids], np.int32),
            "probabilities": self.probabilities,
        }
        if self.spans is not None:
            arrays |= {
                "span_ids": np.concatenate(self.spans.ids),
                "span_lengths": np.array([len(ids) for ids in self.spans.ids], np.int32),
                "span_owners": self.spans.owners,
                "span_starts": self.spans.starts,
                "span_ends": self.spans.ends,
                "span_probabilities": self.spans.probabilities,
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
            return cls(
                ids=_divide(file.array("ids"), file.array("lengths")),
                probabilities=file.array("probabilities"),
                tokenizer=Tokenizer.from_json(file.text("tokenizer"), source=path),
                provenance=json.loads(file.text("provenance")),
                spans=SpanTargets(
                    ids=_divide(file.array("span_ids"), file.array("span_lengths")),
                    owners=file.array("span_owners"),
                    starts=file.array("span_starts"),
                    ends=file.array("span_ends"),
                    probabilities=file.array("span_probabilities"),
                )
                if "span_ids" in file.names()
                else None,
            )


def _divide(ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> tuple[NDArray[np.int32], ...]:
    return tuple(np.split(ids, np.cumsum(lengths)[:-1]))
