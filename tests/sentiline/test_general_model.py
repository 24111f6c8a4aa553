"""The shipped model `general` reads everyday texts: negation, change, emoji, ratings, and two opinions in one text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import sentiline
from sentiline import Predictor

POSITIVE = (
    "Nothing went wrong and nobody was rude.",
    "I couldn't be happier with the result.",
    "The film isn't boring",
    "Not bad at all",
    "The staff could not have been more helpful",
    "Worth every penny.",
    "I expected a disaster but it was brilliant.",
    "no complaints",
    "Best. Purchase. Ever. :-)",
    "soooo goooood",
    "👍",
    "★★★★★",
    "4.5/5",
)
NEGATIVE = (
    "I absolutely hate this film and everybody in it.",
    "I don't think it is great.",
    "It is n't good .",
    "This café used to be lovely; now it is dirty and overpriced.",
    "Would not recommend to anyone.",
    "It broke after two days.",
    "The app keeps crashing 😡",
    "#WasteOfMoney",
    "👎",
    "★☆☆☆☆",
    "1/5 stars",
)


@pytest.fixture(scope="module")
def general() -> Iterator[Predictor]:
    with sentiline.load("general") as predictor:
        yield predictor


@pytest.mark.parametrize("text", POSITIVE)
def test_positive_texts_are_read_as_positive(general: Predictor, text: str) -> None:
    assert general.predict([text])[0].label == "POSITIVE"


@pytest.mark.parametrize("text", NEGATIVE)
def test_negative_texts_are_read_as_negative(general: Predictor, text: str) -> None:
    assert general.predict([text])[0].label == "NEGATIVE"


def test_both_opinions_of_a_text_are_shown_where_they_are(general: Predictor) -> None:
    [prediction] = general.predict(["The acting was wonderful. The plot was boring."], detail="timesteps")
    assert prediction.timesteps is not None
    shares = {step.token: step.contribution for step in prediction.timesteps}
    assert shares["wonderful"] > 0.5 > -0.5 > shares["boring"]
    assert prediction.logit == pytest.approx(
        prediction.bias + sum(step.contribution or 0.0 for step in prediction.timesteps), abs=1e-4
    )


def test_a_statement_without_an_opinion_is_neutral(general: Predictor) -> None:
    [prediction] = general.predict(["The meeting starts at nine."], neutral=True)
    assert prediction.label == "NEUTRAL"
    assert prediction.probabilities is not None
    assert prediction.probabilities.neutral > max(prediction.probabilities.negative, prediction.probabilities.positive)


def test_the_spelling_that_was_read_is_told(general: Predictor) -> None:
    [prediction] = general.predict(["goooood isn&#39;t"], detail="timesteps")
    assert prediction.timesteps is not None
    assert [step.read_as for step in prediction.timesteps] == ["good", "isn't"]
