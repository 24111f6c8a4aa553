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
from training.data.review import Review
from training.mixture.config import MixtureConfig
from training.mixture.parts import part_of
from training.mixture.pieces import clauses, sentences
from training.mixture.selection import read_mixture, select
from training.mixture.sets import LabelledText
from training.mixture.trees import Tree
from training.data.near_duplicates import normalize

# Texts longer than this, in code points, are cut into sentences for the teacher, which reads short texts only.
LONGEST_FOR_TEACHER = 420
_IMDB_VALIDATION, _IMDB_SPLIT_SEED = 0.1, 7


@dataclass(frozen=True, eq=False)
class Corpus:
    """The texts of a student. Equal files and configurations give equal texts in the same order.

    Attributes:
        rows: The labelled texts of the mixture's training part.
        trees: The training part's trees.
        held_out: The labelled texts of the validation part.
        pieces: Sentences and clauses without a label.
        divided: Sentences of `rows` and `pieces` with the spans of their clauses, whose texts are in `pieces`.
        reviews: IMDB's training reviews; those of films that are held out are in `held_out_reviews`.
        held_out_reviews: IMDB's validation part.
        unlabelled_reviews: IMDB's unlabelled reviews.
        kept: Which of `reviews`, then of `unlabelled_reviews`, may be learned from.
    """

    rows: Sequence[LabelledText]
    trees: Sequence[Tree]
    held_out: Sequence[LabelledText]
    pieces: Sequence[str]
    divided: Sequence[tuple[str, list[tuple[int, int]]]]
    reviews: Sequence[Review]
    held_out_reviews: Sequence[Review]
    unlabelled_reviews: Sequence[str]
    kept: Sequence[bool]

    def for_teacher(self) -> list[str]:
        """Return the distinct texts that a teacher of short texts labels, in a fixed order."""
        short = [row.text for row in self.rows if len(row.text) <= LONGEST_FOR_TEACHER]
        return list(dict.fromkeys([*short, *self.pieces]))


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
    pieces = list(sentences(long, 2, seed=config.seed))
    pieces += sentences((text for text, keep in zip(films[:40_000], kept, strict=False) if keep), 1, seed=config.seed + 1)
    products = [text for text in _lines(folder, config.unlabelled) if part_of(normalize(text)) == "training"]
    pieces += sentences(products, 1, seed=config.seed + 2)
    divided = []
    for text in [*(row.text for row in train if row.source != config.phrases), *pieces]:
        if len(text) <= 200 and (spans := clauses(text)):
            divided.append((text, spans))
    pieces += [text[start:end] for text, spans in divided for start, end in spans]
    return Corpus(
        rows=train,
        trees=[tree for tree in trees if part_of(normalize(tree.sentence)) == "training"],
        held_out=[row for row, part in zip(rows, parts, strict=True) if part == "validation"],
        pieces=pieces,
        divided=divided,
        reviews=reviews,
        held_out_reviews=validation,
        unlabelled_reviews=imdb.unsup,
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
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return content.decode().splitlines()
