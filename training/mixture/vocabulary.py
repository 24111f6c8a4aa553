"""The vocabulary of a student, and word vectors for it from an encoder with another vocabulary."""

from __future__ import annotations

import numpy as np

from sentiline.errors import EmptyTextError
from sentiline.tokenizer import Tokenizer, Words2Tokenizer
from training.composition import generate
from training.data.vocabulary import build_vocabulary
from training.mixture.corpus import Corpus
from training.nn.encoder import Encoder
from training.nn.word_vectors import ppmi_svd

# The numbers of IMDB's reviews that vocabulary and word vectors are counted on, so that films do not outweigh the rest.
_VOCABULARY_REVIEWS, _VECTOR_REVIEWS = 40_000, 30_000
_VECTOR_TOKENS = 300
_GENERATED = 4_000
# Frequent words determine the map between the two spaces more than rare ones, whose vectors are noise.
_RANK_SCALE = 2_000


def build_student_tokenizer(corpus: Corpus, size: int) -> Tokenizer:
    """Build a tokenizer of the scheme "words-2".

    Args:
        corpus: The texts.
        size: The largest size of the vocabulary.
    """
    generated = [sentence.text for sentence in generate(_GENERATED, part="train", seed=11)]
    texts = [*_labelled(corpus), *_reviews(corpus)[:_VOCABULARY_REVIEWS], *corpus.sentences, *generated]
    return Words2Tokenizer(
        build_vocabulary(texts, size, "words-2"), max_tokens=1024, truncation="head_tail", correct_typos=True
    )


def transfer_vectors(encoder: Encoder, corpus: Corpus, tokenizer: Tokenizer) -> Encoder:
    """Return an encoder with the word vectors of another one for the vocabulary of a tokenizer.

    A word that both know keeps its vector. For the others, vectors are counted on the corpus (`ppmi_svd`) and mapped
    into the encoder's space by the linear map that fits the shared words best.

    Args:
        encoder: The pre-trained encoder.
        corpus: The texts.
        tokenizer: The student's tokenizer.
    """
    cut = tokenizer.with_limit(_VECTOR_TOKENS, "head_tail")
    documents = []
    for text in [*_labelled(corpus), *_reviews(corpus)[:_VECTOR_REVIEWS]]:
        try:
            documents.append(cut.encode(text, spans=False).ids)
        except EmptyTextError:
            continue
    counted = ppmi_svd(documents, len(tokenizer.vocabulary), encoder.vectors.shape[1], seed=0)
    theirs = {word: index for index, word in enumerate(encoder.tokenizer.vocabulary)}
    ours = np.array([index for index, word in enumerate(tokenizer.vocabulary) if word in theirs])
    known = encoder.vectors[[theirs[tokenizer.vocabulary[index]] for index in ours]]
    weights = 1 / np.sqrt(1 + np.arange(len(ours)) / _RANK_SCALE)
    weighted = counted[ours] * weights[:, None]
    mapping = np.linalg.solve(weighted.T @ counted[ours] + np.eye(counted.shape[1]), weighted.T @ known)
    vectors = counted @ mapping
    rest = np.setdiff1d(np.arange(len(vectors)), ours)
    if len(rest):  # a regression shrinks what it predicts
        vectors *= min(2.0, float(known.std() / max(vectors[rest].std(), 1e-6)))
    vectors[ours] = known
    return Encoder(
        vectors=vectors.astype(np.float32),
        directions=encoder.directions,
        tokenizer=tokenizer,
        provenance={"word_vectors_of": encoder.digest()},
    )


def _labelled(corpus: Corpus) -> list[str]:
    return [row.text for row in corpus.rows if row.source != corpus.phrases]


def _reviews(corpus: Corpus) -> list[str]:
    texts = [*(review.text for review in corpus.reviews), *corpus.unlabelled_reviews]
    kept = [text for text, keep in zip(texts, corpus.kept, strict=True) if keep]
    return [kept[index] for index in np.random.default_rng(0).permutation(len(kept))]
