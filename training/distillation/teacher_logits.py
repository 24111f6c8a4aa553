"""What a teacher says of IMDB's training and unlabelled reviews, as one small file that holds none of their texts.

With it a student is fitted without fitting and running the teacher again: the texts come from the archive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.tokenizer import Tokenizer
from training.nn.encoder import SHIPPED as _ENCODER
from training.run.arrays_file import open_arrays_file, write_arrays_file

SHIPPED = _ENCODER.with_name("verdicts.npz")
"""The verdicts that come with the repository, of the teacher of the shipped models."""


@dataclass(frozen=True)
class ReadSettings:
    """How the texts were read; equal values on the same archive give the same texts.

    Attributes:
        crops: pieces of each review.
        seed: of the choice of pieces.
        max_tokens: longer reviews were cut to so many.
        validation: share of the training reviews that were held out.
        split_seed: decides which.
    """

    crops: int
    seed: int
    max_tokens: int
    validation: float
    split_seed: int


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Logits of a teacher; n training reviews, m unlabelled ones, c pieces of each.

    Attributes:
        labelled: float16 [n], of the training reviews, by n-grams that have not seen them.
        unlabelled: float16 [m].
        pieces: float16 [(n + m) · c], those of one review in a row; of training reviews, by n-grams that have not
            seen them in the teacher's sum.
        reading: how the texts were read.
        tokenizer: the one that made their ids.
        teacher: JSON-ready: its members, their weights, what it reaches on the validation part.
    """

    labelled: NDArray[np.float16]
    unlabelled: NDArray[np.float16]
    pieces: NDArray[np.float16]
    reading: ReadSettings
    tokenizer: Tokenizer
    teacher: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Write as one `.npz` without pickle."""
        arrays = {"labelled": self.labelled, "unlabelled": self.unlabelled, "pieces": self.pieces}
        texts = {
            "tokenizer": self.tokenizer.to_json(),
            "reading": json.dumps(vars(self.reading)),
            "teacher": json.dumps(self.teacher),
        }
        write_arrays_file(path, arrays, texts)

    @classmethod
    def load(cls, path: Path) -> Verdicts:
        """Read what `save` wrote.

        Raises:
            CheckpointError: there is no such file, or it holds no verdicts.
            BundleCorruptError: its tokenizer is not one of this release.
        """
        missing = "`python -m training label --verdicts-to` writes verdicts"
        with open_arrays_file(path, missing=missing, damaged="holds no verdicts") as file:
            return cls(
                labelled=file.array("labelled").astype(np.float16),
                unlabelled=file.array("unlabelled").astype(np.float16),
                pieces=file.array("pieces").astype(np.float16),
                reading=ReadSettings(**json.loads(file.text("reading"))),
                tokenizer=Tokenizer.from_json(file.text("tokenizer"), source=path),
                teacher=json.loads(file.text("teacher")),
            )


def load_verdicts(name_or_path: str) -> Verdicts:
    """The shipped verdicts, by the name "shipped", or others from a file.

    Raises:
        CheckpointError: there are none, or they are damaged.
    """
    return Verdicts.load(SHIPPED if name_or_path == "shipped" else Path(name_or_path))
