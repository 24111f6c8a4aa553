"""Labelled rows, read chunk by chunk with the readers of `sentiline score`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sentiline.errors import DataFileError, OptionError
from sentiline.labels import LabelValue, Scheme, infer_scheme, normalize_label, sentiment_of
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
    sources: Sequence[Source], label_column: str, text_column: str | None, scheme: Scheme, encoding: str
) -> Iterator[LabelledChunk]:
    """Read labelled rows.

    Args:
        sources: The files.
        label_column: The name of the column with the labels.
        text_column: The name of the column with the texts; None to detect it, see `find_text_column`.
        scheme: The scheme of the labels.
        encoding: The encoding of text files.

    Yields:
        All rows, in order.

    Raises:
        DataFileError: A file cannot be read, is malformed, or lacks a column.
        OptionError: The texts and the labels are in the same column.
    """
    for number, chunk in _chunks(sources, label_column, encoding):
        if number == 0:  # later JSON objects may lack the key
            text_column = find_text_column(chunk, text_column)
            if text_column == label_column:
                raise OptionError(
                    f"texts and labels cannot both be in {label_column!r}; see --text-column", field="--label-column"
                )
        assert text_column is not None
        labels = chunk.data.column(label_column) if label_column in chunk.data.names else [None] * len(chunk)
        yield LabelledChunk(chunk, text_column, labels, [_truth(label, scheme) for label in labels])


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
    try:
        return infer_scheme(_marks(sources, label_column, encoding))
    except DataFileError as error:
        if error.field != "labels":
            raise
        raise DataFileError(f"column {label_column!r}: {error}", field="labels") from None


def _marks(sources: Sequence[Source], label_column: str, encoding: str) -> Iterator[LabelValue | None]:
    for _, chunk in _chunks(sources, label_column, encoding):
        if label_column in chunk.data.names:
            yield from map(normalize_label, chunk.data.column(label_column))


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


def _truth(label: object, scheme: Scheme) -> Literal[0, 1] | str:
    if label is None or label != label or (isinstance(label, str) and not label.strip()):  # NaN is not itself
        return "missing_label"
    plain = normalize_label(label)
    sentiment = None if plain is None else sentiment_of(plain, scheme)
    if sentiment is None:
        return "unreadable_label"
    return "neutral_label" if sentiment == "neutral" else sentiment
