"""The logits of a teacher for IMDB's training and unlabelled reviews, in one small file without the texts.

With it a student can be trained without the teacher: the texts are read from the archive.
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
from training.nn.encoder import SHIPPED_ENCODER
from training.run.arrays_file import open_arrays_file, write_arrays_file

# The logits included in the repository, of the teacher of the shipped models.
SHIPPED_TEACHER_LOGITS = SHIPPED_ENCODER.with_name("verdicts.npz")


@dataclass(frozen=True)
class ReadSettings:
    """How the texts were made; equal settings and the same archive give the same texts.

    Attributes:
        crops: The number of crops per review.
        seed: The seed that selects the crops.
        max_tokens: The number of tokens to which longer reviews were truncated.
        validation: The share of the training reviews that were held out.
        split_seed: The seed that selects the held-out reviews.
    """

    crops: int
    seed: int
    max_tokens: int
    validation: float
    split_seed: int


@dataclass(frozen=True, eq=False)
class TeacherLogits:
    """The logits of a teacher for n training reviews, m unlabelled reviews and c crops per review.

    Attributes:
        labelled: float16 [n], the training reviews' logits by the n-gram classifier that was trained without their
            fold.
        unlabelled: float16 [m].
        crops: float16 [(n + m) · c], the crops' logits, review by review; those of crops of training reviews include
            the n-grams' logits out of fold.
        settings: The settings that the texts were made with.
        tokenizer: The tokenizer of the texts' ids.
        teacher: The members, their weights and the validation accuracy, JSON-ready.
    """

    labelled: NDArray[np.float16]
    unlabelled: NDArray[np.float16]
    crops: NDArray[np.float16]
    settings: ReadSettings
    tokenizer: Tokenizer
    teacher: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Write one `.npz` file without pickle."""
        arrays = {"labelled": self.labelled, "unlabelled": self.unlabelled, "pieces": self.crops}
        texts = {
            "tokenizer": self.tokenizer.to_json(),
            "reading": json.dumps(vars(self.settings)),
            "teacher": json.dumps(self.teacher),
        }
        write_arrays_file(path, arrays, texts)

    @classmethod
    def load(cls, path: Path) -> TeacherLogits:
        """Read a file written by `save`.

        Raises:
            CheckpointError: The file does not exist or contains no teacher logits.
            BundleCorruptError: The tokenizer has an unknown format.
        """
        missing = "`python -m training label --verdicts-to` writes teacher logits"
        with open_arrays_file(path, missing=missing, damaged="holds no teacher logits") as file:
            return cls(
                labelled=file.array("labelled").astype(np.float16),
                unlabelled=file.array("unlabelled").astype(np.float16),
                crops=file.array("pieces").astype(np.float16),
                settings=ReadSettings(**json.loads(file.text("reading"))),
                tokenizer=Tokenizer.from_json(file.text("tokenizer"), source=path),
                teacher=json.loads(file.text("teacher")),
            )


def load_teacher_logits(name_or_path: str) -> TeacherLogits:
    """Load the shipped logits, named "shipped", or a file.

    Raises:
        CheckpointError: The file does not exist or is damaged.
    """
    return TeacherLogits.load(SHIPPED_TEACHER_LOGITS if name_or_path == "shipped" else Path(name_or_path))
