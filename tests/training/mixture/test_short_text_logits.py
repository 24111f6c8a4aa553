"""A teacher's logits survive their file and belong to their texts alone."""

from __future__ import annotations

import numpy as np
import pytest

from training.errors import CheckpointError, DataError
from training.mixture.corpus import digest
from training.mixture.short_text_logits import ShortTextLogits


def test_probabilities_survive_in_steps_of_a_twenty_fourth(tmp_path):
    texts = ["good", "bad", "fine"]
    ShortTextLogits(np.array([3.03, -20, 0.5], np.float32), digest(texts), {"encoder": "e"}).save(tmp_path / "l.npz")
    again = ShortTextLogits.load(tmp_path / "l.npz")
    logits = again.by_text(texts)
    assert {text: 1 / (1 + np.exp(-logits[text])) for text in texts} == pytest.approx(
        {"good": 23 / 24, "bad": 1 / 96, "fine": 15 / 24}
    )
    assert again.teacher == {"encoder": "e"}


@pytest.mark.parametrize("other", [["bad", "good"], ["good"], ["good", "bad!"]])
def test_other_texts_are_refused(other):
    logits = ShortTextLogits(np.zeros(2, np.float32), digest(["good", "bad"]), {})
    with pytest.raises(DataError, match="other texts"):
        logits.by_text(other)


def test_a_missing_file_is_named_with_its_remedy(tmp_path):
    with pytest.raises(CheckpointError, match="mixture label"):
        ShortTextLogits.load(tmp_path / "none.npz")
