"""The targets of the general model: the mixture, IMDB, a teacher's logits and generated sentences together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentiline.tokenizer import Tokenizer
from training.composition import Sentence
from training.data.targets import Targets
from training.distillation.teacher_logits import TeacherLogits
from training.mixture.config import MixtureConfig
from training.mixture.corpus import Corpus
from training.mixture.targets import TargetBuilder, add_clauses, add_reviews, add_rows, add_splices, add_trees

# The sets whose short texts are spliced: people labelled each of these texts.
SPLICED = (
    "absa_semeval14_16",
    "memd_absa",
    "opener_hotel",
    "sst_sentences",
    "tackstrom_sentences",
    "tweets_semeval13_16",
    "pros_cons",
)
_SPLICES = 40_000
_LABELS = {0: 0.03, None: 0.5, 1: 0.97}


def make_student_targets(
    corpus: Corpus,
    config: MixtureConfig,
    tokenizer: Tokenizer,
    *,
    teacher: Mapping[str, float],
    reviews: TeacherLogits,
    generated: Sequence[Sentence],
) -> Targets:
    """Compute the targets.

    Args:
        corpus: The texts.
        config: The mixture.
        tokenizer: The student's tokenizer with the limit of training.
        teacher: The teacher's logits of short texts, by text; empty for labels alone.
        reviews: The logits of the teacher of IMDB's reviews.
        generated: Generated sentences.
    """
    builder = TargetBuilder(tokenizer)
    add_rows(builder, corpus, config, teacher)
    add_reviews(builder, corpus, reviews)
    for sentence in generated:
        builder.add(sentence.text, sentence.target)
        if sentence.spans:
            builder.add_spans(sentence.text, [(span.start, span.end, _LABELS[span.label]) for span in sentence.spans])
    add_trees(builder, corpus.trees)
    add_clauses(builder, corpus, teacher)
    add_splices(builder, corpus, SPLICED, _SPLICES, config.seed)
    return builder.targets({"texts": len(corpus.rows), "teacher_texts": len(teacher), "generated": len(generated)})
