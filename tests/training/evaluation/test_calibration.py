"""Calibration error and risk by hand; the pictures are small, and drawn from what the manifest records."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from training.evaluation.calibration import (
    BINS,
    COVERAGES,
    expected_error_by_chance,
    measure_calibration,
    risk_by_coverage,
)
from training.evaluation.calibration_plots import draw_calibration


def test_the_error_of_a_case_made_by_hand() -> None:
    # bin 14 (P ≥ 14/15): 10 reviews at 0.95, 8 positive; bin 3 (0.2 … 0.2667): 4 at 0.25, 2 positive
    positive = np.array([0.95] * 10 + [0.25] * 4)
    labels = np.array([True] * 8 + [False] * 2 + [True, True, False, False])
    found = measure_calibration(labels, positive)
    assert found.ece == pytest.approx(100 * (10 * 0.15 + 4 * 0.25) / 14, abs=1e-4)
    assert (len(found.reviews), found.reviews[14], found.reviews[3], sum(found.reviews)) == (BINS, 10, 4, 14)
    assert (found.predicted[14], found.observed[14]) == (0.95, 0.8)
    assert (found.predicted[3], found.observed[3]) == (0.25, 0.5)
    assert (found.predicted[0], found.observed[0]) == (None, None)


def test_probabilities_that_are_right_have_no_error() -> None:
    assert measure_calibration(np.array([True, False]), np.array([1.0, 0.0])).ece == 0


def test_the_error_by_chance_is_that_of_right_probabilities_and_falls_with_their_number() -> None:
    generator = np.random.default_rng(2)
    few, many = (generator.random(count) for count in (1_000, 100_000))
    assert expected_error_by_chance(few) == expected_error_by_chance(few)
    assert 5 * expected_error_by_chance(many) < expected_error_by_chance(few)
    drawn = [measure_calibration(generator.random(1_000) < few, few).ece for _ in range(50)]
    assert expected_error_by_chance(few) == pytest.approx(np.mean(drawn), rel=0.1)
    assert expected_error_by_chance(np.array([1.0, 0.0])) == 0


def test_risk_is_that_of_the_surest() -> None:
    # 20 verdicts, 5 % each, surest first; only the 2 least sure are wrong
    scores = np.linspace(0.99, 0.51, 20)
    called = np.arange(20) % 2 == 0
    positive = np.where(called, scores, 1 - scores)
    labels = np.where(np.arange(20) < 18, called, ~called)
    found = dict(zip(COVERAGES, risk_by_coverage(labels, positive), strict=True))
    assert found[90] == 0
    assert found[95] == pytest.approx(100 / 19, abs=1e-4)
    assert found[100] == 10
    assert len(risk_by_coverage(labels[:1], positive[:1])) == len(COVERAGES)


def _metrics(parts: tuple[str, ...]) -> dict[str, Any]:
    generator = np.random.default_rng(1)
    positive = generator.random(2000) ** 0.5
    labels = generator.random(2000) < positive
    figures = dataclasses.asdict(measure_calibration(labels, positive))
    return {part: {"int8": {"calibration": figures}} for part in parts}


@pytest.mark.parametrize("parts", [("validation",), ("validation", "test")])
def test_the_pictures_are_small_palettes_and_the_same_again(parts: tuple[str, ...]) -> None:
    drawn = draw_calibration(_metrics(parts), "int8", 0.8)
    assert drawn.keys() == {"reliability.png", "risk.png"}
    for content in drawn.values():
        assert len(content) < 40_000
        with Image.open(io.BytesIO(content)) as image:
            assert image.mode == "P"
            assert min(image.size) > 300
    assert draw_calibration(_metrics(parts), "int8", 0.8) == drawn
    assert draw_calibration(_metrics(parts), "int8")["reliability.png"] != drawn["reliability.png"]


def test_there_is_no_picture_of_what_was_not_measured() -> None:
    assert draw_calibration({"validation": {"int8": {"accuracy": 90.0}}, "export": {}}, "int8") == {}
    assert draw_calibration(_metrics(("validation",)), "fp32") == {}
