"""Bracketed trees give words and phrases; other lines are refused."""

from __future__ import annotations

import pytest

from tests.training.mixture.files import write_lines
from training.errors import DataError
from training.mixture.trees import Phrase, read_trees


def test_a_tree_gives_its_words_and_phrases(tmp_path):
    path = write_lines(tmp_path / "trees.txt.gz", ["(1 (1 (2 not) (3 good)) (2 -RRB-))"])
    (tree,) = read_trees(path)
    assert tree.sentence == "not good )"
    assert tree.phrases == (Phrase(0, 1, 2), Phrase(1, 2, 3), Phrase(0, 2, 1), Phrase(2, 3, 2), Phrase(0, 3, 1))
    assert tree.text(tree.phrases[2]) == "not good"


@pytest.mark.parametrize(
    "line", ["", "good", "(3 good", "(3 good))", "(5 good)", "(3 good) (2 film)", "(3 )", "x (3 good)"]
)
def test_a_line_that_is_no_tree_is_refused_with_its_number(tmp_path, line):
    path = write_lines(tmp_path / "trees.txt.gz", ["(3 good)", line])
    with pytest.raises(DataError, match="line 2"):
        list(read_trees(path))
