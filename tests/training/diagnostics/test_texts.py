"""The diagnostic texts are enough, balanced and well-formed; figures by kind are those of a count by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sentiline.tokenizer import split
from training.diagnostics.other_texts import evaluate_by_kind
from training.diagnostics.texts import KINDS, DiagnosticText, load_texts
from training.errors import DataError


def test_there_are_forty_of_each_kind_and_the_labels_are_balanced() -> None:
    found = load_texts()
    counts = Counter(text.kind for text in found)
    assert counts.keys() == KINDS.keys()
    assert min(counts.values()) >= 40
    for kind in KINDS:
        labels = Counter(text.label for text in found if text.kind == kind)
        assert labels[0] == labels[1], kind
        assert (labels[None] == 0) == (kind not in ("neutral", "foreign", "gibberish")), kind
    assert len({text.pair for text in found if text.pair}) >= 40
    assert all((text.kind == "contrast") == bool(text.pair) for text in found)


def test_the_two_texts_of_a_pair_share_most_of_their_words() -> None:
    pairs: dict[str, list[set[str]]] = {}
    for text in load_texts():
        if text.pair:
            pairs.setdefault(text.pair, []).append(set(split(text.text)[0]))
    shared = [len(one & other) / len(one | other) for one, other in pairs.values()]
    assert np.mean(shared) > 0.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("label\ttext\n", "must begin with the columns kind, label, text, pair"),
        ("", "must begin with the columns"),
        ("kind\tlabel\ttext\tpair\nshort\tpositive\tYes\n", "line 2 has 3 columns; it must have 4"),
        ("kind\tlabel\ttext\tpair\nlong\tpositive\tYes\t\n", "line 2 is of kind 'long'; it must be one of sentence"),
        ("kind\tlabel\ttext\tpair\nshort\t1\tYes\t\n", "line 2 has the label '1'; it must be positive, negative"),
        ("kind\tlabel\ttext\tpair\nshort\tpositive\t \t\n", "line 2 holds no text"),
        ("kind\tlabel\ttext\tpair\nshort\tpositive\tYes\t\nshort\tpositive\tYes\t\n", "line 3 repeats a text: 'Yes'"),
        ("kind\tlabel\ttext\tpair\ncontrast\tpositive\tYes\t1\n", "pair '1' must hold one positive and one negative"),
        ("kind\tlabel\ttext\tpair\n", "holds no diagnostic text"),
    ],
)
def test_a_damaged_file_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "some.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_texts(tmp_path)


def test_figures_by_kind_by_hand() -> None:
    texts = [
        DiagnosticText("contrast", 1, "a", "1"),
        DiagnosticText("contrast", 0, "b", "1"),
        DiagnosticText("contrast", 1, "c", "2"),
        DiagnosticText("contrast", 0, "d", "2"),
        DiagnosticText("short", 1, "e"),
        DiagnosticText("neutral", None, "f"),
        DiagnosticText("neutral", None, "g"),
    ]
    called = np.array([True, False, True, True, False, True, True])
    found = evaluate_by_kind(texts, called, np.array([True, False, False, False, False, True, False]))
    assert list(found) == ["contrast", "short", "neutral"]
    assert (found["contrast"].accuracy, found["contrast"].both_right, found["contrast"].flagged) == (75, 50, 25)
    assert (found["short"].accuracy, found["short"].both_right, found["short"].flagged) == (0, None, 0)
    assert (found["neutral"].accuracy, found["neutral"].interval, found["neutral"].flagged) == (None, None, 50)
    assert found["contrast"].interval == pytest.approx([30.06, 95.44], abs=0.01)  # Wilson, 3 of 4
    assert evaluate_by_kind(texts, called)["short"].flagged is None
