"""Evaluation of a bundle against figures computed here from its single answers, and its comparison with a manifest."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import pytest
from scipy.stats import binomtest

import sentiline
from sentiline import Predictor
from tests.training.fits import FinishedFit, reviews
from training.data.review import Review
from training.errors import DataError, TrainingError
from training.evaluation.evaluate import Evaluation, check_recorded_accuracy, evaluate


@pytest.fixture(scope="module")
def predictor(finished_fit: FinishedFit) -> Iterator[Predictor]:
    with sentiline.load(finished_fit.run.bundle / "tiny", precision="fp32", threads=1) as predictor:
        yield predictor


@pytest.fixture(scope="module")
def drawn() -> list[Review]:
    """More than one chunk of reviews, some of unknown words, one without a token, one that is too long."""
    found = reviews(600, seed=4)
    found[3] = Review("zwp qrx " + found[3].text, found[3].label)
    found[10] = Review("...", 1)
    found[20] = Review(" ".join([found[20].text] * 12), found[20].label)
    return found


def test_figures_are_those_of_the_single_answers(predictor: Predictor, drawn: list[Review]) -> None:
    figure = evaluate(predictor, drawn)
    answers = [
        (review.label, predictor.predict([review.text])[0]) for number, review in enumerate(drawn) if number != 10
    ]
    right = sum((answer.label == "POSITIVE") == (label == 1) for label, answer in answers)
    share = right / 599
    assert (figure.precision, figure.reviews, figure.skipped, figure.truncated) == ("fp32", 599, 1, 1)
    assert figure.accuracy == pytest.approx(100 * share, abs=1e-4)
    proportion_interval = binomtest(right, 599).proportion_ci(method="wilson")
    assert figure.interval == pytest.approx(50 * (proportion_interval.high - proportion_interval.low), abs=1e-4)
    chances = [answer.positive if label else 1 - answer.positive for label, answer in answers]
    assert figure.loss == pytest.approx(-sum(map(math.log, chances)) / 599, abs=1e-5)
    assert figure.false_positives == sum(not label and answer.label == "POSITIVE" for label, answer in answers)
    assert figure.false_negatives == sum(label and answer.label == "NEGATIVE" for label, answer in answers)
    assert figure.false_positives + figure.false_negatives == 599 - right
    unknown = sum(answer.unknown_tokens for _, answer in answers) / sum(answer.tokens_used for _, answer in answers)
    assert figure.unknown_tokens == pytest.approx(100 * unknown, abs=1e-4) != 0
    assert figure.additivity is not None
    assert 0 < figure.additivity < 1e-5


def test_the_record_has_no_speed(predictor: Predictor, drawn: list[Review]) -> None:
    figure = evaluate(predictor, drawn[:20])
    assert figure.reviews_per_second > 0
    kept = {field.name for field in dataclasses.fields(Evaluation)} - {"reviews_per_second"}
    assert figure.as_dict().keys() == kept


def test_reviews_without_any_token_are_refused(predictor: Predictor) -> None:
    with pytest.raises(DataError, match="none of the 2 reviews has a token"):
        evaluate(predictor, [Review("", 1), Review("...", 0)])


@pytest.mark.parametrize("recorded", [90.05, 90.0, 89.95])
def test_an_accuracy_within_the_tolerance_passes(predictor: Predictor, drawn: list[Review], recorded: float) -> None:
    figure = dataclasses.replace(evaluate(predictor, drawn[:9]), accuracy=90.0)
    check_recorded_accuracy({"int8": figure}, {"int8": {"accuracy": round(recorded, 4)}}, tolerance=0.0501)


@pytest.mark.parametrize("recorded", [90.0502, 89.9498, 50.0])
def test_an_accuracy_beyond_it_is_refused(predictor: Predictor, drawn: list[Review], recorded: float) -> None:
    figure = dataclasses.replace(evaluate(predictor, drawn[:9]), accuracy=90.0)
    with pytest.raises(TrainingError, match=rf"the manifest records {recorded} % at int8, but 90\.0 % was measured"):
        check_recorded_accuracy({"int8": figure}, {"int8": {"accuracy": recorded}}, tolerance=0.0501)


def test_what_the_manifest_lacks_is_not_compared(predictor: Predictor, drawn: list[Review]) -> None:
    check_recorded_accuracy({"fp32": evaluate(predictor, drawn[:9])}, {}, tolerance=0.05)
