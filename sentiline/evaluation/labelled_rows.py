"""Labelled rows of files, chunk by chunk: which of them have a sentiment, and which; reads with scoring's readers."""

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
class Examples:
    """A chunk of rows with what their labels say.

    Attributes:
        chunk: the rows.
        text_column: name of the column with the texts.
        labels: as they stand in the file.
        truths: of each row 0 or 1, or the kind of problem with its label.
    """

    chunk: Chunk
    text_column: str
    labels: Sequence[object]
    truths: Sequence[Literal[0, 1] | str]


def read_examples(
    sources: Sequence[Source], label_column: str, text_column: str | None, scheme: Scheme, encoding: str
) -> Iterator[Examples]:
    """Read labelled rows.

    Args:
        sources: the files.
        label_column: name of the column with the labels.
        text_column: of that with the texts; None to guess it, see `find_text_column`.
        scheme: what the labels mean.
        encoding: of text files.

    Yields:
        All rows, in order.

    Raises:
        DataFileError: a file cannot be read, is malformed, or lacks a column.
    """
    for number, chunk in _chunks(sources, label_column, encoding):
        if number == 0:  # an object of JSON may lack a key; a file whose first thousand do has no such key
            text_column = find_text_column(chunk, text_column)
            if text_column == label_column:
                raise OptionError(
                    f"texts and labels cannot both be in {label_column!r}; see --text-column", field="--label-column"
                )
        assert text_column is not None
        labels = chunk.data.column(label_column) if label_column in chunk.data.names else [None] * len(chunk)
        yield Examples(chunk, text_column, labels, [_truth(label, scheme) for label in labels])


def find_scheme(sources: Sequence[Source], label_column: str, encoding: str) -> Scheme:
    """Read all labels to tell what they mean; see `sentiline.labels.infer_scheme`.

    Raises:
        DataFileError: a file cannot be read or lacks the column, or more than one meaning is possible, or none.
        OptionError: standard input or a pipe is among the files; it cannot be read twice.
    """
    for source in sources:
        if source.once:
            raise OptionError(
                f"{source.name} is read once, so its labels cannot be looked at first; say what they "
                "mean with --labels",
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
    """Yield all chunks, each with its number in its file."""
    for source in sources:
        for number, chunk in enumerate(read_chunks(source, encoding)):
            if number == 0 and label_column not in chunk.data.names:
                listed = ", ".join(map(repr, chunk.data.names)) or "none"
                raise DataFileError(
                    f"{chunk.file} has no column {label_column!r}; name the one with the labels with --label-column; "
                    f"the columns: {listed}",
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
