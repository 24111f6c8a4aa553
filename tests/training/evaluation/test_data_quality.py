"""The lines of `data check` about a labelled file as a whole."""

from __future__ import annotations

from sentiline.bundle import find
from training.data.review import Review
from training.evaluation.data_quality import describe_quality


def test_balance_duplicates_contradictions_and_known_words_are_told() -> None:
    reviews = [
        Review("good", 1, id="a.csv, line 2"),
        Review("good", 1, id="a.csv, line 3"),
        Review("GOOD!", 0, id="a.csv, line 4"),
        Review("bad film", 0, id="a.csv, line 5"),
        Review("zwpqrx", 0, id="a.csv, line 6"),
    ]
    assert list(describe_quality(reviews, find("bilstm"))) == [
        "balance: 2 positive, 3 negative; always predicting NEGATIVE has an accuracy of 60.00 %",
        "duplicates: 1 word for word, 1 nearly; a split keeps them together",
        "contradictions (texts with both labels): 1; a.csv, line 4 (negative) and a.csv, line 2 (positive)",
        "known words: 85.7 % of the tokens are in the vocabulary of bilstm (--init bilstm)",
    ]


def test_many_contradictions_are_counted_and_the_first_are_listed() -> None:
    reviews = [Review(f"text {number}", label, id=f"{number}/{label}") for number in range(9) for label in (0, 1)]  # type: ignore[arg-type]
    (line,) = (line for line in describe_quality(reviews) if line.startswith("contradictions"))
    assert line.startswith("contradictions (texts with both labels): 9; 0/0 (negative) and 0/1 (positive); 1/0")
    assert line.endswith("; …")
    assert line.count("(positive)") == 5
