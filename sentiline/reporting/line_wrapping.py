"""A review broken into lines of equal letters, with what its tokens said; draws nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sentiline.reporting.excerpt import Sample


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a review.

    Attributes:
        text: as it stands there.
        spans: first column, one past the last, and weight from -1 to 1, of each token in it.
    """

    text: str
    spans: tuple[tuple[int, int, float], ...]


def lines(sample: Sample, width: int, most: int) -> list[Line]:
    """Break a review into lines at its blanks, which become one each.

    Args:
        sample: the review.
        width: characters in a line.
        most: lines to make; the last ends in "…" where the text goes on.
    """
    letters: list[tuple[str, int, float]] = []  # each with the number of its piece, and the weight of that
    for number, (text, weight) in enumerate(sample.weighted()):
        for letter in text:
            blank = letter.isspace()
            if not blank or (letters and letters[-1][0] != " "):
                letters.append((" ", number, 0.0) if blank else (letter, number, weight or 0.0))
    made: list[Line] = []
    while letters and len(made) < most:
        end = len(letters)
        if end > width:
            blanks = [index for index in range(width + 1) if letters[index][0] == " "]
            end = blanks[-1] if blanks and blanks[-1] else width
        row, letters = letters[:end], letters[end:]
        while letters and letters[0][0] == " ":
            letters = letters[1:]
        if letters and len(made) == most - 1:
            row = [*row[: width - 2], (" ", -1, 0.0), ("…", -1, 0.0)]
        made.append(_line(row))
    return made


def _line(letters: list[tuple[str, int, float]]) -> Line:
    spans: list[tuple[int, int, float]] = []
    previous = -1
    for column, (_, number, weight) in enumerate(letters):
        if not weight:
            previous = -1
            continue
        if number == previous:
            spans[-1] = (spans[-1][0], column + 1, weight)
        else:
            spans.append((column, column + 1, weight))
        previous = number
    return Line("".join(letter for letter, _, _ in letters), tuple(spans))
