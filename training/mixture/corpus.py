"""Everything that a student of a mixture reads: labelled texts, pieces for the teacher, and IMDB's reviews."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data.crops import crop
from training.data.imdb import ImdbTrain
from training.data.imdb import split as split_imdb
from training.data.near_duplicates import normalize
from training.data.review import Review
from training.errors import DataError
from training.mixture.config import MixtureConfig
from training.mixture.parts import part_of
from training.mixture.pieces import clauses, draw_sentences
from training.mixture.selection import read_mixture, select
from training.mixture.sets import LabelledText
from training.mixture.trees import Tree

# Texts longer than this, in code points, are cut into sentences for the teacher, which reads short texts only.
LONGEST_FOR_TEACHER = 420
# The number of IMDB's reviews that sentences are cut from, and the number of sentences that the teacher labels.
_LONGEST_DIVIDED = 200
_REVIEWS_CUT, _SENTENCES = 40_000, 70_000
_IMDB_VALIDATION, _IMDB_SPLIT_SEED = 0.1, 7


@dataclass(frozen=True, eq=False)
class Corpus:
    """The texts of a student. Equal files and configurations give equal texts in the same order.

    Attributes:
        rows: The labelled texts of the mixture's training part.
        trees: The training part's trees.
        held_out: The labelled texts of the validation part.
        sentences: Sentences without a label.
        divided: Short texts with the spans of their clauses.
        reviews: IMDB's training reviews; those of films that are held out are in `held_out_reviews`.
        held_out_reviews: IMDB's validation part.
        unlabelled_reviews: IMDB's unlabelled reviews.
        phrases: The name of the set of phrases.
        kept: Which of `reviews`, then of `unlabelled_reviews`, may be learned from.
    """

    rows: Sequence[LabelledText]
    trees: Sequence[Tree]
    held_out: Sequence[LabelledText]
    sentences: Sequence[str]
    divided: Sequence[tuple[str, list[tuple[int, int]]]]
    reviews: Sequence[Review]
    held_out_reviews: Sequence[Review]
    unlabelled_reviews: Sequence[str]
    phrases: str
    kept: Sequence[bool]

    def for_teacher(self) -> list[str]:
        """Return the distinct texts that a teacher of short texts labels, in a fixed order."""
        short = [row for row in self.rows if len(row.text) <= LONGEST_FOR_TEACHER]
        whole = [row.text for row in short if row.source != self.phrases]
        phrases = [row.text for row in short if row.source == self.phrases]
        return list(dict.fromkeys([*whole, *self.clauses(), *self.sentences, *phrases]))

    def clauses(self) -> list[str]:
        """Return the texts of the clauses of `divided`."""
        return [text[start:end] for text, spans in self.divided for start, end in spans]


def read_corpus(folder: Path, config: MixtureConfig, imdb: ImdbTrain) -> Corpus:
    """Read the sets of a folder and IMDB's reviews.

    Args:
        folder: The folder of the sets.
        config: The mixture.
        imdb: IMDB's training half and unlabelled reviews.

    Raises:
        DataError: A set is missing or damaged.
    """
    rows, parts, trees = read_mixture(folder, config)
    train = select(rows, parts, config)
    reviews, validation = split_imdb(imdb.train, fraction=_IMDB_VALIDATION, seed=_IMDB_SPLIT_SEED)
    left_out = _lines(folder, config.left_out)
    kept = [f"{review.id}.txt" not in left_out for review in reviews]
    kept += [f"train/unsup/{number}_0.txt" not in left_out for number in range(len(imdb.unsup))]
    films = [*(review.text for review in reviews), *imdb.unsup]
    long = [row.text for row in train if len(row.text) > LONGEST_FOR_TEACHER]
    cut = list(draw_sentences(long, 2, seed=config.seed))
    learned = (text for text, keep in zip(films[:_REVIEWS_CUT], kept, strict=False) if keep)
    cut += draw_sentences(learned, 1, seed=config.seed + 1)
    products = [text for text in _lines(folder, config.unlabelled) if part_of(normalize(text)) == "training"]
    cut += draw_sentences(products, 1, seed=config.seed + 2)
    whole = [*(row.text for row in train if row.source != config.phrases), *cut]
    divided = [(text, spans) for text in whole if len(text) <= _LONGEST_DIVIDED and (spans := clauses(text))]
    drawn = np.random.default_rng(0).permutation(len(cut))[:_SENTENCES]
    return Corpus(
        rows=train,
        trees=[tree for tree in trees if part_of(normalize(tree.sentence)) == "training"],
        held_out=[row for row, part in zip(rows, parts, strict=True) if part == "validation"],
        sentences=[cut[index] for index in drawn],
        divided=divided,
        reviews=reviews,
        held_out_reviews=validation,
        unlabelled_reviews=imdb.unsup,
        phrases=config.phrases,
        kept=kept,
    )


def crops_of_reviews(corpus: Corpus, count: int, seed: int) -> list[str]:
    """Return the crops of IMDB's reviews that the shipped teacher's logits are of.

    Args:
        corpus: The corpus.
        count: The number of crops per review.
        seed: The seed of the choice; see `training.distillation.label`.
    """
    generator = np.random.default_rng(seed)
    texts = [*(review.text for review in corpus.reviews), *corpus.unlabelled_reviews]
    return [crop(text, generator) for text in texts for _ in range(count)]


def digest(texts: Sequence[str]) -> str:
    """Return the SHA-256 of texts in their order, hexadecimal."""
    found = hashlib.sha256()
    for text in texts:
        found.update(text.encode() + b"\n")
    return found.hexdigest()


def _lines(folder: Path, name: str) -> list[str]:
    if not name:
        return []
    path = folder / name
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return content.decode().splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}") from error
