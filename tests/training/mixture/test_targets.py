"""The spans of a text become ranges of its tokens."""

from __future__ import annotations

import pytest

from sentiline.tokenizer import Words2Tokenizer
from training.data.targets import Targets
from training.data.vocabulary import build_vocabulary
from training.mixture.targets import TargetBuilder


@pytest.fixture
def builder() -> TargetBuilder:
    vocabulary = build_vocabulary(["the plot was boring but the acting was great"] * 3, 50, "words-2")
    return TargetBuilder(Words2Tokenizer(vocabulary, max_tokens=12))


def test_spans_map_to_tokens_and_survive_the_file(builder, tmp_path):
    text = "The plot was boring, but the acting was great"
    builder.add(text, 0.5, repeat=2)
    builder.add("  ", 1.0)
    builder.add_spans(text, [(0, 19, 0.1), (21, len(text), 0.9), (19, 19, 0.5)])
    builder.add_spans("  ", [(0, 1, 0.1)])
    targets = builder.targets({})
    spans = targets.spans
    assert len(targets.ids) == 2
    assert spans is not None
    assert spans.owners.tolist() == [0, 0]
    assert spans.starts[0] == 0
    assert spans.ends[1] == len(spans.ids[0])
    assert spans.starts[1] in (spans.ends[0], spans.ends[0] + 1)  # a comma is a token or not
    targets.save(tmp_path / "t.npz")
    again = Targets.load(tmp_path / "t.npz")
    assert again.digest() == targets.digest()
    assert again.spans is not None
    assert again.spans.probabilities.tolist() == spans.probabilities.tolist()


def test_targets_without_spans_have_none(builder):
    builder.add("the plot", 0.5)
    assert builder.targets({}).spans is None
