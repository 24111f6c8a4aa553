"""The held-out test of composition."""

from __future__ import annotations

from training.composition import accuracy_by_family, families, held_out_sentences, negation_accuracy
from training.data.review import POSITIVE


def test_a_perfect_model_is_right_everywhere_and_a_constant_one_half_the_time() -> None:
    sentences = held_out_sentences(40)
    truth = {sentence.text: float(sentence.label == POSITIVE) for sentence in sentences}
    perfect = accuracy_by_family(lambda texts: [truth[text] for text in texts], sentences)
    assert [found.family for found in perfect] == [family for family in families() if family != "neutral"]
    assert negation_accuracy(perfect) > 0.99  # two families may hold one text with both labels
    constant = accuracy_by_family(lambda texts: [1.0] * len(texts), sentences)
    assert 0.3 < negation_accuracy(constant) < 0.7
    assert sum(found.count for found in constant) == len(sentences) == 40 * (len(families()) - 1)


def test_sentences_of_many_kinds_of_templates() -> None:
    sentences = held_out_sentences(100)
    assert len({sentence.template for sentence in sentences}) >= 120
    assert sentences == held_out_sentences(100)
