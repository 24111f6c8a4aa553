"""IMDB as reviews: the values of the real archive, the film-disjoint split, and a test half opened only on purpose."""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from training.data import imdb
from training.data.imdb_archive import PARTS
from training.errors import ArchiveError, DataError

SPLIT = "fe9c935823bb1c31e0cb4c5bc50e76520afd33d3dc16c3f3db80a0820d92dd12"
"""Digest of the ids in the default validation part: models are compared on it, so it never changes."""


@pytest.fixture(scope="module")
def train(imdb_archive: Path) -> imdb.ImdbTrain:
    return imdb.load(imdb_archive)


def test_train_has_its_published_counts(train: imdb.ImdbTrain) -> None:
    assert Counter(review.label for review in train.train) == {0: 12_500, 1: 12_500}
    assert Counter(review.stars for review in train.train) == {
        **dict(zip((1, 2, 3, 4), (5_100, 2_284, 2_420, 2_696), strict=True)),
        **dict(zip((7, 8, 9, 10), (2_496, 3_009, 2_263, 4_732), strict=True)),
    }
    assert len(train.unsup) == 50_000
    assert len({review.film for review in train.train}) == 3_456
    assert train.digests["test/pos"] == PARTS["test/pos"].sha256


def test_texts_of_train_are_copied_as_documented(train: imdb.ImdbTrain) -> None:
    films: dict[str, set[str | None]] = {}
    for review in train.train:
        films.setdefault(review.text, set()).add(review.film)
    assert len(films) == 24_904
    assert sum(len(found) > 1 for found in films.values()) == 57  # copies under two films


def test_reviews_are_in_numeric_order_and_name_their_files(train: imdb.ImdbTrain) -> None:
    ids = [review.id for review in train.train]
    assert ids[:2] == ["train/pos/0_9", "train/pos/1_7"]
    assert [int(re.split(r"[/_]", name)[2]) for name in ids] == [*range(12_500), *range(12_500)]
    assert {name.split("/")[1] for name in ids[:12_500]} == {"pos"}


def test_texts_are_the_bytes_of_the_archive(train: imdb.ImdbTrain) -> None:
    for folder, reviews in (("pos", train.train[:12_500]), ("neg", train.train[12_500:])):
        named = sorted((f"{review.id.rpartition('/')[2]}.txt", review.text) for review in reviews)
        joined = "".join(text for _, text in named).encode()
        assert hashlib.sha256(joined).hexdigest() == PARTS[f"train/{folder}"].sha256
    assert sum(len(text.encode()) for text in train.unsup) == PARTS["train/unsup"].bytes


def test_films_come_from_the_line_of_the_review(small: Any, tmp_path: Path) -> None:
    found = imdb.load(small.write(tmp_path / "a.tar.gz"), parts=small.parts)
    assert {review.id: review.film for review in found.train} == {
        f"train/{folder}/{number}_{stars}": f"tt{number // 2:07}"
        for folder, stars in (("pos", 9), ("neg", 2))
        for number in range(12)
    }
    assert found.train[10].text == small.files["train/pos/10_9.txt"].decode()
    assert found.unsup == tuple(small.files[f"train/unsup/{number}_0.txt"].decode() for number in range(12))


def test_the_split_shares_no_film_and_no_text(train: imdb.ImdbTrain) -> None:
    fit, validation = imdb.split(train.train)
    assert len(fit) + len(validation) == 25_000
    assert not {review.film for review in fit} & {review.film for review in validation}
    assert not {review.text for review in fit} & {review.text for review in validation}
    assert (len(validation), sum(review.label for review in validation)) == (2_511, 1_276)


def test_the_split_is_this_one_on_every_machine(train: imdb.ImdbTrain) -> None:
    _, validation = imdb.split(train.train)
    names = "\n".join(sorted(review.id for review in validation))
    assert hashlib.sha256(names.encode()).hexdigest() == SPLIT
    _, reordered = imdb.split(train.train[::-1])
    assert {review.id for review in reordered} == {review.id for review in validation}
    _, other = imdb.split(train.train, seed=8)
    assert {review.id for review in other} != {review.id for review in validation}


def test_the_test_half_needs_the_keyword(imdb_archive: Path) -> None:
    with pytest.raises(DataError, match="only the final evaluation may read the test set"):
        imdb.load_test(imdb_archive, final_evaluation=False)
    with pytest.raises(TypeError, match="final_evaluation"):
        imdb.load_test(imdb_archive)  # type: ignore[call-arg]


def test_only_the_evaluation_opens_the_test_half() -> None:
    source = Path(imdb.__file__).parents[1]
    users = set()
    for path in source.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            named = isinstance(node, ast.FunctionDef) and "load_test" in (ast.get_source_segment(text, node) or "")
            if named or (isinstance(node, ast.ImportFrom) and any(alias.name == "load_test" for alias in node.names)):
                users.add((path.relative_to(source).as_posix(), getattr(node, "name", "import")))
    assert users == {("data/imdb.py", "load_test"), ("cli/evaluate.py", "evaluate")}


def test_the_test_half_overlaps_train_as_documented(imdb_archive: Path, train: imdb.ImdbTrain) -> None:
    test = imdb.load_test(imdb_archive, final_evaluation=True)
    assert Counter(review.label for review in test) == {0: 12_500, 1: 12_500}
    assert {review.id.split("/")[0] for review in test} == {"test"}
    assert sum(len(review.text.encode()) for review in test) == PARTS["test/pos"].bytes + PARTS["test/neg"].bytes
    # What docs/data.md says about overlaps of the data set itself.
    films = {review.film for review in test}
    assert len(films) == 3_581
    assert len(films & {review.film for review in train.train}) == 1
    texts, unlabelled = {review.text for review in train.train}, set(train.unsup)
    assert len(texts & {review.text for review in test}) == 123
    assert (len(unlabelled & texts), len(unlabelled & {review.text for review in test})) == (354, 266)


def test_a_list_with_too_few_films_is_refused(small: Any, tmp_path: Path) -> None:
    urls = b"".join(small.files["train/urls_neg.txt"].splitlines(keepends=True)[:11])
    digest = hashlib.sha256(urls).hexdigest()
    parts = small.parts | {"train/urls_neg.txt": type(small.parts["train/neg"])(1, len(urls), digest)}
    path = small.write(tmp_path / "a.tar.gz", {"train/urls_neg.txt": urls})
    with pytest.raises(ArchiveError, match=r"train/urls_neg\.txt lists 11 films, but none for review 11"):
        imdb.load(path, parts=parts)
