"""The encoder that pre-training leaves: word vectors and both directions' LSTM weights, as one small file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import PADDING_ID, SPECIAL_TOKENS, Tokenizer
from training.run.arrays_file import open_arrays_file, write_arrays_file

if TYPE_CHECKING:
    from training.pretraining.language_model import LanguageModel

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "encoder" / "encoder.npz"
"""The encoder that comes with the repository."""

_WEIGHTS = ("kernel", "recurrent_kernel", "bias")


@dataclass(frozen=True, eq=False)
class Encoder:
    """Pre-trained weights; V words, E word vector width, H units.

    Attributes:
        vectors: float32 [V, E]; weighted by how often the words stand in the texts, every column has mean 0 and
            the whole standard deviation 1, so that the norm of an adversarial perturbation has one meaning.
        directions: Keras' LSTM weights of the forward and the backward direction: kernel [E, 4H], recurrent kernel
            [H, 4H], bias [4H].
        tokenizer: the one the vectors belong to.
        provenance: JSON-ready: config, data and log of the pre-training.
    """

    vectors: NDArray[np.float32]
    directions: tuple[tuple[NDArray[np.float32], ...], ...]
    tokenizer: Tokenizer
    provenance: Mapping[str, Any]

    @property
    def units(self) -> int:
        """LSTM units of each direction, H."""
        return int(self.directions[0][1].shape[0])

    def digest(self) -> str:
        """SHA-256 over all weights, hexadecimal."""
        digest = hashlib.sha256(self.vectors.astype("<f4").tobytes())
        for weights in self.directions:
            for array in weights:
                digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write as float16 arrays in one `.npz` without pickle."""
        arrays: dict[str, Any] = {"vectors": self.vectors.astype(np.float16)}
        for side, weights in zip(("forward", "backward"), self.directions, strict=True):
            arrays |= {
                f"{side}/{name}": array.astype(np.float16) for name, array in zip(_WEIGHTS, weights, strict=True)
            }
        texts = {"tokenizer": self.tokenizer.to_json(), "provenance": json.dumps(self.provenance)}
        write_arrays_file(path, arrays, texts)

    @classmethod
    def load(cls, path: Path) -> Encoder:
        """Read what `save` wrote.

        Raises:
            CheckpointError: there is no such file, or it is not an encoder.
            BundleCorruptError: its tokenizer is not one of this release.
        """
        missing = "`python -m training pretrain` makes an encoder"
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
    """The shipped encoder, by the name "encoder", or one from a file.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    return Encoder.load(SHIPPED if name_or_path == "encoder" else Path(name_or_path))


def from_language_model(
    model: LanguageModel, tokenizer: Tokenizer, counts: NDArray[np.int64], *, provenance: Mapping[str, Any]
) -> Encoder:
    """The encoder of a language model, its word vectors standardized without changing what the LSTMs compute:

        x' = (x − μ) / σ,   W' = σ W,   b' = b + μ W

    Args:
        model: pre-trained.
        tokenizer: of its texts.
        counts: [V], how often each word stands in them.
        provenance: for the file.
    """  # noqa: D415
    from training.nn.backend import to_numpy  # Keras takes seconds to import, and to read an encoder needs none of it

    vectors = to_numpy(model.embedding.embeddings).astype(np.float64)
    weights = counts.astype(np.float64).copy()
    weights[: len(SPECIAL_TOKENS)] = 0
    weights /= weights.sum()
    mean = weights @ vectors
    deviation = float(np.sqrt((weights[:, None] * (vectors - mean) ** 2).sum() / vectors.shape[1]))
    directions = []
    for layer in model.directions:
        kernel, recurrent, bias = (np.asarray(weight, np.float64) for weight in layer.get_weights())
        directions.append(
            tuple(array.astype(np.float32) for array in (kernel * deviation, recurrent, bias + mean @ kernel))
        )
    standard = ((vectors - mean) / deviation).astype(np.float32)
    standard[PADDING_ID] = 0  # no text holds it, and the language model's boundary is not padding
    return Encoder(standard, tuple(directions), tokenizer, provenance)
