"""The logits of a teacher for the short texts of a mixture, in one small file without the texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.reference.activations import sigmoid
from training.errors import DataError
from training.mixture.corpus import digest
from training.nn.encoder import SHIPPED_ENCODER
from training.run.arrays_file import open_arrays_file, write_arrays_file

# The logits included in the repository, of the teacher of the general model.
SHIPPED_LOGITS = SHIPPED_ENCODER.with_name("short-texts.npz")
# Probabilities are stored in steps of 1/24, which is less than a teacher's noise; a logit is thus at most log 95.
_STEPS = 24


@dataclass(frozen=True, eq=False)
class ShortTextLogits:
    """The logits of n texts in the order of `Corpus.for_teacher`.

    Attributes:
        logits: float32 [n].
        texts: The SHA-256 of the texts in that order.
        teacher: A JSON-ready description of the teacher.
    """

    logits: NDArray[np.float32]
    texts: str
    teacher: Mapping[str, Any]

    def by_text(self, texts: Sequence[str]) -> dict[str, float]:
        """Return the logit of each text.

        Raises:
            DataError: The texts are not those that the teacher has labelled.
        """
        if digest(texts) != self.texts:
            raise DataError(
                f"the teacher labelled {len(self.logits):,} other texts than these {len(texts):,}; use the mixture and "
                "the files that its logits are of, or label the texts again",
                field="logits",
            )
        return dict(zip(texts, self.logits.tolist(), strict=True))

    def save(self, path: Path) -> None:
        """Write one `.npz` file without pickle."""
        steps = np.rint(sigmoid(self.logits.astype(np.float64)) * _STEPS).astype(np.uint8)
        write_arrays_file(path, {"steps": steps}, {"texts": self.texts, "teacher": json.dumps(self.teacher)})

    @classmethod
    def load(cls, path: Path) -> ShortTextLogits:
        """Read a file that `save` wrote.

        Raises:
            CheckpointError: The file does not exist or holds no logits.
        """
        missing = "`python -m training mixture label` writes it"
        with open_arrays_file(path, missing=missing, damaged="holds no logits of short texts") as file:
            return cls(
                logits=_log_odds(file.array("steps") / _STEPS),
                texts=file.text("texts"),
                teacher=json.loads(file.text("teacher")),
            )


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float32]:
    clipped = np.clip(probabilities, 1 / (4 * _STEPS), 1 - 1 / (4 * _STEPS))
    return np.log(clipped / (1 - clipped)).astype(np.float32)
