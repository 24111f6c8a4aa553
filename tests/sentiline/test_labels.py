"""The meaning of labels, and the scheme that a file's labels are inferred to have."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sentiline.errors import DataFileError, OptionError
from sentiline.labels import SCHEMES, LabelCounts, Scheme, check_labels, infer_scheme, normalize_label, sentiment_of


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
        ("3.5", 3.5),
        ("3,5", 3.5),
        ("3½", 3.5),
        (3.5, 3.5),
        (Decimal("4.5"), 4.5),
        (Decimal("5.0"), 5),
        (Decimal("NaN"), None),
        ("5 stars", 5),
        ("1 Star", 1),
        ("4/5", 4),
        ("4.0 out of 5 stars", 4),
        ("★★★★★", 5),
        ("★★☆☆☆", 2),
        ("★★★½", 3.5),
        ("⭐️⭐️", 2),
        (b"Pos", "positive"),
        (b"5", 5),
        ("LABEL_1", "label_1"),
        ("Yes", "yes"),
        (float("nan"), None),
        (float("inf"), None),
        ("", None),
        ("five", "five"),
        ("٣", "٣"),
        ("1e1", "1e1"),
        ("1234567890", "1234567890"),
        (None, None),
        ([1], None),
        (b"", None),
        (Decimal(1), 1),
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
        ([0.5, 4.5, 5.0], "stars5"),
        (["★★★★★", "★☆☆☆☆"], "stars5"),
        (["5 stars", "1 star"], "stars5"),
        ([b"pos", b"neg"], "names"),
        (["positive", "negative"] * 5 + ["unclear"], "names"),
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
        [5, 4, 1] * 9 + [10],
        [5, 4, 1] * 1000 + [7, 10],
        [1, 2] * 9 + [5],
        [1, 2, 3, 4] * 90 + [5],
        [1.5, 4.5],
        [0.5, 5, 0],
        ["good", "bad"],
        ["good", "bad", "neutral"],
        ["LABEL_0", "LABEL_1"],
        ["yes", "no"],
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


def test_the_refusal_spells_labels_as_the_file_does() -> None:
    with pytest.raises(DataFileError, match=r"LABEL_1 \(2 rows\), LABEL_0 \(1 rows\)"):
        infer_scheme(["LABEL_1", "LABEL_0", "LABEL_1"])


@pytest.mark.parametrize(("scheme", "expected"), [("stars5", [0, 0, "neutral", 1, 1]), ("stars10", [0, 0, 0, 0, 0])])
def test_half_stars_have_a_side(scheme: Scheme, expected: list[Any]) -> None:
    assert [sentiment_of(value, scheme) for value in (0.5, 2.5, 2.75, 3.5, 4.5)] == expected


@pytest.mark.parametrize(
    ("mapping", "negative", "neutral", "positive"),
    [
        ("negative=1,positive=2", [1, "1.0", "1 star"], [], [2, b"2", Decimal(2)]),
        ("negative=0,neutral=2,positive=4", [0, False], ["2"], ["4"]),
        ("negative=-1, positive=1", ["-1"], [], [1, True]),
        ("positive=LABEL_1,negative=LABEL_0", ["label_0"], [], ["LABEL_1"]),
        ("negative=no,poor,negative=bad,neutral=so-so,positive=yes", ["no", "Poor", "BAD"], ["so-so"], ["Yes "]),
        ("negative=a=b,positive=★★★★★", [], [], ["★★★★★", 5]),
        ("negative=neg,positive=true", ["negative", "NEG"], [], [True, "TRUE"]),
    ],
)
def test_a_mapping_says_what_any_labels_mean(
    mapping: str, negative: list[Any], neutral: list[Any], positive: list[Any]
) -> None:
    assert check_labels(mapping) == mapping
    for sentiment, labels in ((0, negative), ("neutral", neutral), (1, positive)):
        for label in labels:
            value = normalize_label(label)
            assert value is not None
            assert sentiment_of(value, mapping) == sentiment, label
    assert sentiment_of("something else", mapping) is None


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("negative=1", "names no positive label"),
        ("neutral=1,positive=2", "names no negative label"),
        ("negative=1,positive=1.0", "'1.0' has two sentiments"),
        ("bad=1,good=2", "'bad' is none of negative, neutral, positive"),
        ("negative=,positive=1", "negative names an empty label"),
        ("stars", "must be auto, binary"),
        ("", "must be auto, binary"),
    ],
)
def test_a_malformed_mapping_is_refused_with_an_example(mapping: str, message: str) -> None:
    with pytest.raises(OptionError, match=f"^--labels is {mapping!r}.*{message}.*negative=1,neutral=3,positive=5"):
        check_labels(mapping, field="--labels")


def test_a_scheme_may_lack_a_few_labels_and_not_many() -> None:
    LabelCounts([0, 1, 1, 0, 2, None]).check("binary")
    with pytest.raises(DataFileError, match=r"2 of 4 labels are not of binary: 2 \(2 rows\), 0 \(1 rows\), 1 "):
        LabelCounts([2, 0, 2, 1]).check("binary")
