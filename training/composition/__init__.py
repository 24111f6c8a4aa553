"""Labelled English sentences from a grammar, which teach a small model what labelled reviews do not: composition.

`generate` draws sentences of every construction (negation, double negation, comparison, expectation, contrast and more)
with their labels, the spans of clauses whose own sentiment is known, and minimal pairs. The part "held_out" has
templates and words of its own; `held_out_sentences` and `accuracy_by_family` are the test made of it.
"""

from training.composition.accuracy import accuracy_by_family, held_out_sentences, negation_accuracy
from training.composition.articles import with_articles
from training.composition.generate import families, generate, generate_family
from training.composition.lexicon import word_list
from training.composition.mixing import concatenate, embed
from training.composition.sentence import Part, Sentence, Span
from training.composition.surface import expand_contractions

__all__ = [
    "Part",
    "Sentence",
    "Span",
    "accuracy_by_family",
    "concatenate",
    "embed",
    "expand_contractions",
    "families",
    "generate",
    "generate_family",
    "held_out_sentences",
    "negation_accuracy",
    "with_articles",
    "word_list",
]
