"""Figures of a shipped model on a few texts."""

from __future__ import annotations

import pytest

from sentiline import load
from tests.training.mixture.files import write_lines
from training.mixture.measure import macro_recall, score_texts
from training.mixture.phrase_signs import measure_phrase_signs
from training.mixture.sets import LabelledText
from training.mixture.trees import read_trees


@pytest.fixture(scope="module")
def predictor():
    with load("bilstm") as found:
        yield found


def test_macro_recall_is_the_mean_over_three_classes():
    assert macro_recall([0, 0.5, 1], [-5, 0, 5], (-2, 2)) == 100
    assert macro_recall([0, 0.5, 1, 1], [-5, 5, 5, -5], (-2, 2)) == pytest.approx(50)


def test_a_text_without_a_token_counts_as_wrong_and_flagged(predictor):
    rows = [
        LabelledText("a", "A wonderful film, one of the best I have ever seen.", 1.0, ""),
        LabelledText("a", " ", 1.0, ""),
        LabelledText("a", "A terrible film, a waste of time and the worst I have seen.", 0.0, ""),
        LabelledText("b", "It is a film.", 0.5, ""),
    ]
    scored = score_texts(predictor, rows)
    assert scored.by_source() == {"a": [0, 1, 2], "b": [3]}
    figures = scored.figures([0, 1, 2, 3])
    assert (figures.texts, figures.accuracy, figures.balanced) == (3, 66.67, 75.0)
    assert figures.flagged >= 33.33


def test_contributions_are_compared_with_the_labels_of_phrases(predictor, tmp_path):
    lines = [
        "(0 (2 (2 The) (2 film)) (0 (2 is) (0 (2 not) (4 wonderful))))",
        "(0 (2 (2 A) (2 film)) (0 (0 terrible) (2 .)))",
    ]
    found = measure_phrase_signs(predictor, list(read_trees(write_lines(tmp_path / "t.txt.gz", lines))))
    assert found.counts == {"inside": 5, "against": 1, "flips": 1}
    assert 0 <= found.inside <= 100


def test_trees_without_a_flip_have_no_share_of_flips(predictor, tmp_path):
    trees = list(read_trees(write_lines(tmp_path / "t.txt.gz", ["(4 (4 wonderful) (2 film))"])))
    found = measure_phrase_signs(predictor, trees)
    assert found.counts == {"inside": 1, "against": 0, "flips": 0}
    assert (found.against, found.flips) == (0.0, 0.0)
