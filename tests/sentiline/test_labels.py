"""The meaning of labels, and the scheme that a file's labels are inferred to have."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sentiline.errors import DataFileError
from sentiline.labels import SCHEMES, Scheme, infer_scheme, normalize_label, sentiment_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (0, 0),
        ("1", 1),
        (" 07 ", 7),
        ("4.0", 4),
        ("4.", 4),
        (4.0, 4),
        ("-1", -1),
        ("+1", 1),
        (True, True),
        ("TRUE", True),
        ("False", False),
        ("Pos", "positive"),
        ("NEGATIVE", "negative"),
        ("neg", "negative"),
        ("Neutral", "neutral"),
        ("3.5", None),
        (3.5, None),
        (float("nan"), None),
        (float("inf"), None),
        ("", None),
        ("five", None),
        ("٣", None),
        ("1e1", None),
        ("1234567890", None),
        (None, None),
        ([1], None),
        (b"1", None),
        (Decimal(1), None),
    ],
)
def test_a_label_has_one_plain_value_however_it_is_written(value: object, expected: Any) -> None:
    found = normalize_label(value)
    assert (type(found), found) == (type(expected), expected)


ORDER = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -1]
N = "neutral"


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("binary", [0, 1, *[None] * 11]),
        ("stars5", [None, 0, 0, N, 1, 1, *[None] * 7]),
        ("stars10", [None, 0, 0, 0, 0, N, N, 1, 1, 1, 1, None, None]),
        ("names", [None] * 13),
    ],
)
def test_each_scheme_cuts_its_scale_into_classes(scheme: Scheme, expected: list[Any]) -> None:
    assert [sentiment_of(number, scheme) for number in ORDER] == expected


def test_names_and_truth_values_belong_to_their_own_schemes() -> None:
    assert [sentiment_of(name, "names") for name in ("negative", "positive", "neutral")] == [0, 1, "neutral"]
    for scheme in ("binary", "stars5", "stars10"):
        assert sentiment_of("positive", scheme) is None
    assert [sentiment_of(value, "binary") for value in (False, True)] == [0, 1]
    assert sentiment_of(True, "stars5") is None  # truth is not one star
    assert sentiment_of(True, "names") is None


@pytest.mark.parametrize(
    ("marks", "scheme"),
    [
        ([0, 1, 1, None], "binary"),
        ([0, 0], "binary"),
        ([True, False], "binary"),
        ([True], "binary"),
        ([True, 0], "binary"),
        (["positive", "negative"], "names"),
        (["positive", "neutral", None], "names"),
        ([1, 5], "stars5"),
        ([1, 2, 3, 4, 5], "stars5"),
        ([4, 5], "stars5"),
        ([1, 10], "stars10"),
        ([1, 4, 7, 10], "stars10"),
    ],
)
def test_unambiguous_labels_have_one_scheme(marks: list[Any], scheme: str) -> None:
    assert infer_scheme(marks) == scheme
    assert infer_scheme(reversed(marks)) == scheme


@pytest.mark.parametrize(
    "marks",
    [
        [1],
        [1, 2],
        [1, 2, 3, 4],
        [1, 7],
        [1, 9],
        [0, 5],
        [0, 1, 2],
        [0, 10],
        [-1, 1],
        [5, 11],
        [1, "positive"],
        [True, 5],
        [None, None],
        [],
    ],
)
def test_ambiguous_labels_are_refused(marks: list[Any]) -> None:
    with pytest.raises(DataFileError, match=f"--labels {', '.join(SCHEMES)}") as caught:
        infer_scheme(marks)
    assert caught.value.field == "labels"


def test_the_refusal_counts_the_labels() -> None:
    with pytest.raises(DataFileError, match=r"2 \(3 rows\), 1 \(2 rows\), positive \(1 rows\)"):
        infer_scheme([2, 1, 2, 1, 2, "positive", None])
    with pytest.raises(DataFileError, match=r"\(1 rows\) and 8 more"):
        infer_scheme(list(range(20)))
