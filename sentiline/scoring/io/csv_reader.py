"""Reads the rows of CSV and TSV from the lines of a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Literal

from sentiline.code_points import has_lone_surrogates
from sentiline.errors import DataFileError
from sentiline.scoring.chunk import Chunk, check_names
from sentiline.scoring.io.chunk_builder import LINE_LIMIT, Gatherer
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.text_stream import Lines


class FieldLimitError(DataFileError):
    """A quoted field goes on for longer than is read, or its quote was left open: nobody can tell where the row ends.

    What is finished before it is right, and stays.
    """


class _Fed:
    """Lines on their way to the csv module. One that is too long and has no quotes is left out, and is blank to it.

    Attributes:
        skipped: whether the last record is such a line.
    """

    def __init__(self, source: Source, lines: Lines) -> None:
        self._source = source
        self._lines = lines
        self.begin(0)

    def begin(self, number: int) -> None:
        """A record begins with the next line, which has that number."""
        self._number = number
        self._first = True
        self.skipped = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._lines.readline(LINE_LIMIT + 1)
        first, self._first = self._first, False
        if len(line) <= LINE_LIMIT or line.endswith(("\n", "\r")):
            if line:
                return line
            raise StopIteration
        quotes = self._source.format.quotes
        if quotes and (not first or '"' in line):  # a field that goes on to another line, maybe
            return line + self._lines.readline()
        while line and not line.endswith(("\n", "\r")):
            line = self._lines.readline(LINE_LIMIT)
            if quotes and '"' in line:
                raise FieldLimitError(
                    f"{self._source.name}, line {self._number}: longer than {LINE_LIMIT} characters, with quotes in "
                    "it; shorten it, or add --quoting none if quotes mean nothing in this file",
                    field="input",
                )
        self.skipped = True
        return "\n"


def read_table(source: Source, lines: Lines, gatherer: Gatherer) -> Iterator[Chunk]:
    """Read the rows of CSV or TSV.

    Raises:
        DataFileError: they are malformed.
    """
    csv.field_size_limit(max(csv.field_size_limit(), LINE_LIMIT))  # one for the whole process
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if source.format.quotes else csv.QUOTE_NONE
    fed = _Fed(source, lines)
    reader = csv.reader(fed, delimiter=source.format.delimiter, quoting=quoting, strict=True)
    names: tuple[str, ...] = ()
    empty = True
    while True:
        number = reader.line_num + 1  # where the record begins, whatever newlines it quotes
        fed.begin(number)
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            kind = FieldLimitError if "field limit" in str(error) else DataFileError
            raise kind(
                f"{source.name}, line {number}: {error}; the record was read to line {reader.line_num}: is a quote "
                "left open or not doubled? If quotes mean nothing in this file, add --quoting none",
                field="input",
            ) from None
        if fed.skipped and not names:
            raise DataFileError(
                f"{source.name}, line {number}: longer than {LINE_LIMIT} characters, and should name the columns; is "
                f"it {source.format.kind}?",
                field="input",
            )
        if fed.skipped:
            full = gatherer.skip(number, dict.fromkeys(names))
        else:
            if not record and len(names) != 1:
                continue
            record = record or [""]  # how many write an empty text where there is no other column
            if not names:
                names = _header(source, number, record)
                continue
            if len(record) != len(names):
                raise DataFileError(
                    f"{source.name}, line {number}: {len(record)} columns, and the header has {len(names)}; is the "
                    "text quoted, and is the file comma- or tab-separated as its format says (--format)?",
                    field="input",
                )
            full = gatherer.add(number, dict(zip(names, record, strict=True)), sum(map(len, record)))
        if full:
            empty = False
            yield gatherer.chunk(names)
    if not names:
        raise DataFileError(f"{source.name} is empty; its first line must name the columns", field="input")
    if gatherer.rows or empty:
        yield gatherer.chunk(names)


def _header(source: Source, number: int, record: list[str]) -> tuple[str, ...]:
    """Check the names of the columns."""
    names = check_names(record, f"{source.name}, line {number}")
    if any(map(_is_undecodable, names)):
        raise DataFileError(f"{source.name}, line {number}: not decodable; see --encoding", field="encoding")
    _check_delimiter(source, number, names)
    return names


def _check_delimiter(source: Source, number: int, names: tuple[str, ...]) -> None:
    """Raise where a single column is named as if it were several, with another delimiter between them."""
    found = [one for one in ",;\t|" if one != source.format.delimiter and len(names) == 1 and one in names[0]]
    if found:
        written = repr(found[0]) if found[0] != "\t" else r"'\t'"
        raise DataFileError(
            f"{source.name}, line {number}: the only column is named {names[0]!r}; are the columns separated by "
            f"{found[0]!r}? Then add --delimiter {written}; or rename the column",
            field="columns",
        )


def _is_undecodable(text: str) -> bool:
    """Whether bytes of a name did not fit the encoding, or are those of UTF-16 without its mark."""
    return has_lone_surrogates(text) or "\0" in text
