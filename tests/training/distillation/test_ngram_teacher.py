"""The n-gram teacher: out of fold means out of fold, a kill loses one classifier at most, folders are kept apart."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from sentiline.tokenizer import Tokenizer
from tests.training.fits import reviews
from training.cli.main import main
from training.config.ngrams import NgramConfig
from training.data import imdb
from training.data.review import Review
from training.data.split import film_folds
from training.data.vocabulary import build_vocabulary
from training.distillation.ngram_teacher import NgramRun, NgramTeacher, encode_texts, evaluate_logits, fit_ngram_teacher
from training.distillation.ngrams import NgramClassifier
from training.errors import CheckpointError, ConfigError, DataError, TrainingError

CONFIG = NgramConfig(vocabulary=300, folds=3)
DATA = {"name": "sentences"}


def _reviews(count: int, seed: int, prefix: str) -> list[Review]:
    found = reviews(count, seed)
    return [dataclasses.replace(review, film=f"{prefix}{number // 4}") for number, review in enumerate(found)]


TRAIN, VALIDATION = _reviews(120, 0, "t"), _reviews(40, 1, "v")
UNSUP = [review.text for review in reviews(30, 2)]


def _fit(folder: Path, config: NgramConfig = CONFIG, **options: Any) -> dict[str, Any]:
    return fit_ngram_teacher(config, TRAIN, VALIDATION, UNSUP, DATA, NgramRun(folder), **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> NgramRun:
    run = NgramRun(tmp_path_factory.mktemp("ngrams") / "run")
    _fit(run.folder)
    return run


def _contents(run: NgramRun) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.folder)): path.read_bytes()
        for path in run.folder.rglob("*")
        if path.is_file() and path != run.report
    }


def test_every_review_is_scored_by_the_classifier_that_did_not_see_it(finished: NgramRun) -> None:
    tokenizer = finished.read_tokenizer()
    documents = encode_texts([review.text for review in TRAIN], tokenizer)
    labels = np.array([review.label for review in TRAIN])
    folds = film_folds(TRAIN, 3, seed=CONFIG.split_seed)
    np.testing.assert_array_equal(np.load(finished.train_folds), folds)
    written = np.load(finished.logits("train"))
    assert written.shape == (120,)
    for fold in range(3):
        outside, inside = np.flatnonzero(folds != fold).tolist(), np.flatnonzero(folds == fold).tolist()
        assert not {TRAIN[index].film for index in outside} & {TRAIN[index].film for index in inside}
        classifier = NgramClassifier.fit(
            [documents[index] for index in outside], labels[outside], len(tokenizer.vocabulary), CONFIG
        ).calibrated(
            encode_texts([review.text for review in VALIDATION], tokenizer),
            np.array([review.label for review in VALIDATION]),
        )
        wanted = classifier.logits([documents[index] for index in inside])
        np.testing.assert_allclose(written[inside], wanted, rtol=1e-6)


def test_the_report_is_of_the_written_logits(finished: NgramRun) -> None:
    report = json.loads(finished.report.read_text("utf-8"))
    model = NgramClassifier.load(finished.model)
    assert (report["ngrams"], report["temperature"]) == (len(model.keys), model.temperature)
    for part, key, labelled in (("train", "train_out_of_fold", TRAIN), ("validation", "validation", VALIDATION)):
        labels = np.array([review.label for review in labelled])
        assert report[key] == evaluate_logits(np.load(finished.logits(part)), labels)
    assert report["validation"]["accuracy"] > 0.8
    assert set(report["seconds"]) == {"fold 0", "fold 1", "fold 2", "all"}
    unsup = np.load(finished.logits("unsup"))
    np.testing.assert_array_equal(unsup, model.logits(encode_texts(UNSUP, finished.read_tokenizer())))


def test_a_loaded_teacher_scores_parts_of_reviews_out_of_fold(finished: NgramRun) -> None:
    teacher = NgramTeacher.load(finished)
    documents = encode_texts([review.text for review in TRAIN], teacher.tokenizer)
    places = np.array([7, 3, 99, 3])
    np.testing.assert_allclose(
        teacher.train_logits([documents[index] for index in places.tolist()], places),
        np.load(finished.logits("train"))[places],
        rtol=1e-12,
    )
    piece = documents[7][:3]
    wanted = teacher.folds[teacher.train_folds[7]].logits([piece])
    np.testing.assert_array_equal(teacher.train_logits([piece], np.array([7])), wanted)
    with pytest.raises(DataError, match="give one per text"):
        teacher.train_logits(documents[:2], np.array([1]))
    with pytest.raises(DataError, match="there are 120 training reviews"):
        teacher.train_logits(documents[:1], np.array([120]))


@pytest.mark.parametrize("fitted_before", [0, 1, 3])
def test_a_run_that_was_cut_short_is_finished(
    finished: NgramRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fitted_before: int
) -> None:
    run, fits = NgramRun(tmp_path / "run"), 0
    fit = NgramClassifier.fit

    def cut_short(*arguments: Any) -> NgramClassifier:
        nonlocal fits
        if fits == fitted_before:
            raise KeyboardInterrupt
        fits += 1
        return fit(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(NgramClassifier, "fit", cut_short)
        with pytest.raises(KeyboardInterrupt):
            _fit(run.folder)
    assert run.fold(0).exists() == (fitted_before > 0)
    with pytest.raises(CheckpointError):
        NgramTeacher.load(run)
    with pytest.raises(TrainingError, match="--resume continues it"):
        _fit(run.folder)
    report = _fit(run.folder, resume=True)
    assert len(report["seconds"]) == 4 - fitted_before
    assert _contents(run) == _contents(finished)


def test_another_recipe_is_refused_and_overwrite_begins_anew(tmp_path: Path) -> None:
    run = NgramRun(tmp_path / "run")
    _fit(run.folder)
    (run.folder / "mine.txt").write_text("kept", encoding="utf-8")
    other = dataclasses.replace(CONFIG, folds=2)
    with pytest.raises(ConfigError, match=r"config\.folds is 3 there and 2 here"):
        _fit(run.folder, other, resume=True)
    report = _fit(run.folder, other, overwrite=True)
    assert set(report["seconds"]) == {"fold 0", "fold 1", "all"}
    assert not run.fold(2).exists()
    assert (run.folder / "mine.txt").exists()


def test_a_given_tokenizer_is_the_one_used(tmp_path: Path) -> None:
    tokenizer = Tokenizer(build_vocabulary([review.text for review in TRAIN], 40))
    _fit(tmp_path / "run", tokenizer=tokenizer)
    teacher = NgramTeacher.load(NgramRun(tmp_path / "run"))
    assert teacher.tokenizer.vocabulary == tokenizer.vocabulary
    assert teacher.model.vocabulary_size == 40
    other = Tokenizer(build_vocabulary([review.text for review in TRAIN], 41))
    for another in (other, None):
        with pytest.raises(ConfigError, match=r"data\.vocabulary_sha256 is '\w{64}' there"):
            _fit(tmp_path / "run", tokenizer=another, resume=True)


def test_whole_texts_are_encoded_also_empty_ones() -> None:
    tokenizer = Tokenizer(["<pad>", "<unk>", "good"], max_tokens=2)
    encoded = encode_texts(["good bad good good", "", "..."], tokenizer)
    assert [document.tolist() for document in encoded] == [[2, 1, 2, 2], [], []]


def test_the_command_refuses_before_it_reads(tmp_path: Path) -> None:
    for arguments, message in (
        (["--resume", "--overwrite"], "give one of them"),
        (["--order", "4"], "order is 4; it must lie in 1…3"),
        ([f"--tokenizer={tmp_path / 'none.json'}"], "cannot be read"),
    ):
        result = CliRunner().invoke(main, ["ngrams", *arguments])
        assert result.exit_code > 0
        assert message in result.stderr


def test_a_slice_of_imdb_is_learned(tmp_path: Path, imdb_archive: Path) -> None:
    found = imdb.load(imdb_archive)
    train, validation = imdb.split(found.train, fraction=0.1, seed=7)
    report = fit_ngram_teacher(
        NgramConfig(vocabulary=8000, folds=2),
        train[::9],
        validation[::3],
        found.unsup[::100],
        DATA,
        NgramRun(tmp_path / "run"),
    )
    assert 0.82 < report["validation"]["accuracy"] < 0.95
    assert 0.82 < report["train_out_of_fold"]["accuracy"] < 0.95
    assert report["validation"]["cross_entropy"] < 0.42
