"""A reading's text cut into its tokens and the text between them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sentiline.reading import Reading

GAP = " […] "  # shown where truncation left tokens out


def text_pieces(reading: Reading) -> Iterator[tuple[int | None, str]]:
    """Yield the text in order: `(index, token)` for each used token, `(None, text)` for the text between two."""
    text, encoding = reading.text, reading.encoding
    starts, ends = encoding.starts.tolist(), encoding.ends.tolist()
    left_out = _left_out(reading)
    position = 0
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        yield None, GAP if index in left_out else text[position:start]
        yield index, text[start:end]
        position = end
    yield None, GAP if len(starts) in left_out else text[position:].rstrip()


def token_weights(reading: Reading) -> list[float]:
    """Return each token's contribution, or its score where there is none, scaled so that the strongest is 1 or -1."""
    values = reading.contributions if reading.contributions is not None else reading.scores - 0.5
    largest = float(np.abs(values).max())
    weights: list[float] = (values / largest if largest > 0 else values).tolist()
    return weights


def _left_out(reading: Reading) -> set[int]:
    """Return the indices of used tokens with a gap before them; the number of used tokens stands for the end."""
    if not reading.encoding.truncated:
        return set()
    _, (starts, _) = reading.encoding.split(reading.text)
    places = np.searchsorted(starts, reading.encoding.starts)  # each used token's index in the whole text
    steps = np.diff(places, prepend=-1, append=len(starts))
    return set(np.flatnonzero(steps > 1).tolist())
