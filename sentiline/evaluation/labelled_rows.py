"""Labelled rows, read chunk by chunk with the readers of `sentiline score`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from sentiline.errors import DataFileError, OptionError
from sentiline.labels import LabelCounts, Scheme, infer_scheme, is_missing, normalize_label, sentiment_of
from sentiline.scoring.chunk import Chunk, find_text_column
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.io.source import Source


@dataclass(frozen=True, slots=True, eq=False)
class LabelledChunk:
    """A chunk of rows with their labels.

    Attributes:
        chunk: The rows.
        text_column: The name of the column with the texts.
        labels: The values of the column with the labels.
        truths: For each row 0 (negative), 1 (positive), or the problem with its label, see `skipped_rows.PROBLEMS`.
    """

    chunk: Chunk
    text_column: str
    labels: Sequence[object]
    truths: Sequence[Literal[0, 1] | str]


def read_labelled_chunks(
    sources: Sequence[Source], label_column: str, text_column: str | None, scheme: str, encoding: str
) -> Iterator[LabelledChunk]:
    """Read labelled rows.

    Args:
        sources: The files.
        label_column: The name of the column with the labels.
        text_column: The name of the column with the texts; None to detect it, see `find_text_column`.
        scheme: The scheme of the labels, or a mapping, see `sentiline.labels.check_labels`.
        encoding: The encoding of text files.

    Yields:
        All rows, in order.

    Raises:
        DataFileError: A file cannot be read, is malformed, or lacks a column; or, after the last row, many labels do
            not belong to the scheme.
        OptionError: The texts and the labels are in the same column.
    """
    counts = LabelCounts()
    for number, chunk in _chunks(sources, label_column, encoding):
        if number == 0:  # later JSON objects may lack the key
            text_column = find_text_column(chunk, text_column)
            if text_column == label_column:
                raise OptionError(
                    f"texts and labels cannot both be in {label_column!r}; see --text-column", field="--label-column"
                )
        assert text_column is not None
        labels = chunk.data.column(label_column) if label_column in chunk.data.names else [None] * len(chunk)
        counts.add(labels)
        yield LabelledChunk(chunk, text_column, labels, [_truth(label, scheme) for label in labels])
    with _place_of_labels(sources, label_column):
        counts.check(scheme)


def find_scheme(sources: Sequence[Source], label_column: str, encoding: str) -> Scheme:
    """Read all labels to infer their scheme, see `sentiline.labels`.

    Raises:
        DataFileError: A file cannot be read or lacks the column, or the labels fit no scheme or more than one.
        OptionError: A source is standard input or a pipe, which cannot be read twice.
    """
    for source in sources:
        if source.once:
            raise OptionError(
                f"{source.name} is read once, so the scheme of its labels cannot be inferred; set it with --labels",
                field="--labels",
            )
    with _place_of_labels(sources, label_column):
        return infer_scheme(_labels(sources, label_column, encoding))


@contextmanager
def _place_of_labels(sources: Sequence[Source], label_column: str) -> Iterator[None]:
    """Name the files and the column in an error about labels."""
    try:
        yield
    except DataFileError as error:
        if error.field != "labels":
            raise
        names = ", ".join(source.name for source in sources[:3])
        more = f" and {len(sources) - 3} more" if len(sources) > 3 else ""
        raise DataFileError(f"{names}{more}: column {label_column!r}: {error}", field="labels") from None


def _labels(sources: Sequence[Source], label_column: str, encoding: str) -> Iterator[object]:
    for _, chunk in _chunks(sources, label_column, encoding):
        if label_column in chunk.data.names:
            yield from chunk.data.column(label_column)


def _chunks(sources: Sequence[Source], label_column: str, encoding: str) -> Iterator[tuple[int, Chunk]]:
    """Yield all chunks with their number within their file."""
    for source in sources:
        for number, chunk in enumerate(read_chunks(source, encoding)):
            if number == 0 and label_column not in chunk.data.names:
                listed = ", ".join(map(repr, chunk.data.names)) or "none"
                raise DataFileError(
                    f"{chunk.file} has no column {label_column!r}; name the column of the labels with --label-column; "
                    f"its columns: {listed}",
                    field="label_column",
                )
            yield number, chunk


def _truth(label: object, scheme: str) -> Literal[0, 1] | str:
    if is_missing(label):
        return "missing_label"
    plain = normalize_label(label)
    sentiment = None if plain is None else sentiment_of(plain, scheme)
    if sentiment is None:
        return "unreadable_label"
    return "neutral_label" if sentiment == "neutral" else sentiment
