"""The pre-trained encoder: word vectors and the LSTM weights of both directions in one small file."""

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
from training.run.arrays_file import open_arrays_file, write_arrays_file

# The encoder included in the repository.
SHIPPED_ENCODER = Path(__file__).resolve().parents[2] / "models" / "encoder" / "encoder.npz"

_WEIGHTS = ("kernel", "recurrent_kernel", "bias")


@dataclass(frozen=True, eq=False)
class Encoder:
    """Pre-trained weights; V words, E word vector width, H units.

    Attributes:
        vectors: float32 [V, E]. Weighted by word frequency, every column has mean 0 and the whole table has standard
            deviation 1, so that the norm of an adversarial perturbation means the same for every encoder.
        directions: Keras' LSTM weights of the forward and the backward direction: kernel [E, 4H], recurrent kernel
            [H, 4H], bias [4H].
        tokenizer: The tokenizer whose ids index the vectors.
        provenance: JSON-ready config, data description and log of the pre-training.
    """

    vectors: NDArray[np.float32]
    directions: tuple[tuple[NDArray[np.float32], ...], ...]
    tokenizer: Tokenizer
    provenance: Mapping[str, Any]

    @property
    def units(self) -> int:
        """The number of LSTM units per direction, H."""
        return int(self.directions[0][1].shape[0])

    def digest(self) -> str:
        """Return the hexadecimal SHA-256 of all weights."""
        digest = hashlib.sha256(self.vectors.astype("<f4").tobytes())
        for weights in self.directions:
            for array in weights:
                digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write the weights as float16 arrays into one `.npz` file without pickle."""
        arrays: dict[str, Any] = {"vectors": self.vectors.astype(np.float16)}
        for side, weights in zip(("forward", "backward"), self.directions, strict=True):
            arrays |= {
                f"{side}/{name}": array.astype(np.float16) for name, array in zip(_WEIGHTS, weights, strict=True)
            }
        texts = {"tokenizer": self.tokenizer.to_json(), "provenance": json.dumps(self.provenance)}
        write_arrays_file(path, arrays, texts)

    @classmethod
    def load(cls, path: Path) -> Encoder:
        """Read a file written by `save`.

        Raises:
            CheckpointError: The file does not exist or is not an encoder.
            BundleCorruptError: The tokenizer has an unknown format.
        """
        missing = "`python -m training pretrain` creates an encoder"
        with open_arrays_file(path, missing=missing, damaged="is not an encoder") as file:
            directions = tuple(
                tuple(file.array(f"{side}/{name}").astype(np.float32) for name in _WEIGHTS)
                for side in ("forward", "backward")
            )
            encoder = cls(
                vectors=file.array("vectors").astype(np.float32),
                directions=directions,
                tokenizer=Tokenizer.from_json(file.text("tokenizer"), source=path),
                provenance=json.loads(file.text("provenance")),
            )
            encoder._check_shapes()
        return encoder

    def _check_shapes(self) -> None:
        words, width = self.vectors.shape
        if words != len(self.tokenizer.vocabulary):
            raise ValueError(f"{words} word vectors for {len(self.tokenizer.vocabulary)} words")
        units = self.units
        wanted = [(width, 4 * units), (units, 4 * units), (4 * units,)]
        for weights in self.directions:
            if [array.shape for array in weights] != wanted:
                raise ValueError(f"LSTM weights of shapes {[array.shape for array in weights]}, not {wanted}")


def load_encoder(name_or_path: str) -> Encoder:
    """Load the shipped encoder, named "encoder", or an encoder file.

    Raises:
        CheckpointError: The file does not exist or is damaged.
    """
    return Encoder.load(SHIPPED_ENCODER if name_or_path == "encoder" else Path(name_or_path))
