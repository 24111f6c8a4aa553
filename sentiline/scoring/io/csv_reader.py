"""The reader of CSV and TSV.

It uses the csv module rather than pyarrow, whose reader keeps neither line numbers nor bytes that are not UTF-8.
"""

from __future__ import annotations

import csv
import logging
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Literal

from sentiline.errors import DataFileError
from sentiline.scoring.chunk import Chunk, MalformedRowError
from sentiline.scoring.io.chunk_builder import LINE_LIMIT, ChunkBuilder
from sentiline.scoring.io.csv_header import check_first_row, check_header, warn_of_quotes_after_blanks
from sentiline.scoring.io.dialect import separator_line
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.text_stream import TextStream

_LOGGER = logging.getLogger(__name__)
_WORD = re.compile(r"[\w.+-]{1,32}")


class FieldLimitError(DataFileError):
    """A quoted field is too long, or its quote was left open, so the end of its row cannot be found.

    The rows before it are sound: a run that ends with this error keeps them.
    """


class _RecordLines:
    """Feeds lines to the csv module, with a blank one in place of a line that is too long and has no quotes.

    Attributes:
        skipped: Whether the last record is such a line.
        number: The number of the record's first line.
        record: The lines of the record so far.
    """

    def __init__(self, source: Source, lines: TextStream) -> None:
        self._source = source
        self._lines = lines
        self._waiting: deque[str] = deque()
        self.number = 1
        self.record: list[str] = []
        self.skipped = False

    def skip_lines(self, count: int) -> None:
        """Skip lines, however long, which count for the numbers of those after them."""
        for _ in range(count):
            line = self._lines.readline(LINE_LIMIT)
            while line and not line.endswith(("\n", "\r")):
                line = self._lines.readline(LINE_LIMIT)
        self.number += count

    def begin(self) -> None:
        """Begin a record with the next line."""
        self.number += len(self.record)
        self.record = []
        self.skipped = False

    def give_up(self) -> str:
        """End the record after its first line, which is returned; the other lines are fed again."""
        self._waiting.extendleft(reversed(self.record[1:]))
        del self.record[1:]
        return "".join(self.record)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else self._lines.readline(LINE_LIMIT + 1)
        if not line:
            raise StopIteration
        if len(line) > LINE_LIMIT:
            line = self._limited(line)
        self.record.append(line)
        return line

    def _limited(self, line: str) -> str:
        """Return what stands for a line of which a beginning longer than the limit was read."""
        first = not self.record
        if line.endswith(("\n", "\r")):
            return line
        quotes = self._source.format.quotes
        if quotes and (not first or '"' in line):  # a quoted field may continue on the next line
            return line + self._lines.readline()
        while line and not line.endswith(("\n", "\r")):
            line = self._lines.readline(LINE_LIMIT)
            if quotes and '"' in line:
                raise FieldLimitError(
                    f"{self._source.name}, line {self.number}: longer than {LINE_LIMIT} characters, with quotes in "
                    "it; shorten it, or add --quoting none if quotes are part of the text",
                    field="input",
                )
        self.skipped = True
        return "\n"


def read_csv_rows(source: Source, lines: TextStream, builder: ChunkBuilder) -> Iterator[Chunk]:
    """Read the rows of CSV or TSV.

    Args:
        source: The file.
        lines: The open file.
        builder: Collects the rows.

    Yields:
        The rows; one empty chunk if there are only column names.

    Raises:
        DataFileError: The file is malformed.
    """
    csv.field_size_limit(max(csv.field_size_limit(), LINE_LIMIT))  # the limit is global to the process
    dialect = source.format.dialect
    feed = _RecordLines(source, lines)
    feed.skip_lines(dialect.skip_lines)
    reader = _record_reader(source, feed)
    names: tuple[str, ...] = ()
    empty = first = True
    quoted_after_blanks = False
    while True:
        feed.begin()
        number = feed.number  # a record may span several lines
        problem: DataFileError | None = None
        record: list[str] = []
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            kind = FieldLimitError if "field limit" in str(error) else MalformedRowError
            problem = kind(
                f"{source.name}, line {number}: {error}; the record was read to line {number + len(feed.record) - 1}: "
                "is a quote left open or not doubled? If quotes are part of the text, add --quoting none"
                + _quote_hint(source, feed.record),
                field="input",
            )
            if not source.keep_malformed or not names or len(feed.record[0]) > LINE_LIMIT:
                raise problem from None
        if feed.skipped and not names:
            raise DataFileError(
                f"{source.name}, line {number}: longer than {LINE_LIMIT} characters, and should name the columns; is "
                f"it {source.format.kind}?",
                field="input",
            )
        if problem:
            full = builder.add_malformed(number, dict.fromkeys(names), feed.give_up().rstrip("\r\n"))
        elif feed.skipped:
            full = builder.add_too_long(number, dict.fromkeys(names))
        else:
            if not record and len(names) != 1:
                continue
            record = record or [""]  # an empty text is often written so where there is no other column
            if not names:
                separator = separator_line("".join(feed.record))
                if separator:
                    if not source.format.separator:
                        source = replace(source, format=replace(source.format, separator=separator))
                        reader = _record_reader(source, feed)
                    continue
                if not dialect.no_header:
                    names = check_header(source, number, record)
                    continue
                names = tuple(str(column) for column in range(1, len(record) + 1))
            if first:
                check_first_row(source, number, record)
            elif not quoted_after_blanks:
                quoted_after_blanks = warn_of_quotes_after_blanks(source, number, record, feed.record)
            first = False
            if len(record) != len(names):
                problem = MalformedRowError(
                    f"{source.name}, line {number}: {len(record)} columns, and the "
                    f"{'first row' if dialect.no_header else 'header'} has {len(names)}; is the "
                    "text quoted, and is the file comma- or tab-separated as its format says (--format)?"
                    + _quote_hint(source, feed.record)
                    + " (if lines stand above the column names, skip them with --skip-lines)" * (len(names) == 1),
                    field="input",
                )
                if not source.keep_malformed:
                    raise problem
                raw = "".join(feed.record).rstrip("\r\n")
                full = builder.add_malformed(number, dict.fromkeys(names), raw)
            else:
                if len(feed.record) > 1 and _may_be_several_rows(feed.record, source.format.delimiter, len(names)):
                    builder.mark_joined(number + len(feed.record) - 1)
                full = builder.add(number, dict(zip(names, record, strict=True)), sum(map(len, record)))
        if full:
            empty = False
            yield builder.build(names)
    if not names and source.one_of_several and not dialect.skip_lines:
        _LOGGER.warning("%s is empty and left out", source.name)
        return
    if not names:
        below = f" below the {dialect.skip_lines} lines of --skip-lines" if dialect.skip_lines else ""
        needed = "" if dialect.no_header else "; its first line must name the columns"
        raise DataFileError(f"{source.name} is empty{below}{needed}", field="input")
    if builder.rows or empty:
        yield builder.build(names)


def _record_reader(source: Source, feed: Iterable[str]) -> Iterator[list[str]]:
    dialect, delimiter = source.format.dialect, source.format.delimiter
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if source.format.quotes else csv.QUOTE_NONE
    return csv.reader(
        map(_double_literal_escapes(dialect.escape, delimiter), feed) if dialect.escape else feed,
        delimiter=delimiter,
        quoting=quoting,
        escapechar=dialect.escape,
        skipinitialspace=dialect.skip_blanks,
        strict=True,
    )


def _double_literal_escapes(escape: str, delimiter: str) -> Callable[[str], str]:
    """Return a function that doubles escape characters which are part of the text: the csv module would drop them."""
    pattern = re.compile(re.escape(escape) + "(.?)", re.DOTALL)
    escaped = (escape, delimiter, '"', "\r", "\n")
    return lambda line: pattern.sub(lambda pair: pair[0] if pair[1] in escaped else escape + pair[0], line)


def _quote_hint(source: Source, lines: Sequence[str]) -> str:
    """Return the advice for quotes that are escaped or follow blanks in the lines of a record; empty if none do."""
    text, dialect = "".join(lines), source.format.dialect
    if '\\"' in text and not dialect.escape:
        return r" (if backslashes escape quotes, add --escape '\')"
    if source.format.delimiter + ' "' in text and not dialect.skip_blanks:
        return " (if blanks stand before quotes, add --skip-blanks)"
    return ""


def _may_be_several_rows(lines: Sequence[str], delimiter: str, columns: int) -> bool:
    """Return whether the lines of a quoted record would be as many rows if quotes had no meaning.

    Each of them has all columns then. Commas and semicolons occur in any review, so with them a column must also hold
    numbers, or single words of one shape such as `pos` and `neg`, in lines whose delimiters no blank follows.
    """
    lines = [line for line in lines if line.strip("\r\n")]
    if columns < 2 or len(lines) < 2 or any(line.count(delimiter) != columns - 1 for line in lines):
        return False
    if delimiter not in ",;":
        return True
    table = list(zip(*(line.strip("\r\n").split(delimiter) for line in lines), strict=True))
    if any(all(map(str.isdecimal, column)) for column in table):
        return True
    return all(delimiter + " " not in line for line in lines[1:]) and any(
        all(map(_WORD.fullmatch, column)) and len(set(map(_shape, column))) == 1 for column in table
    )


def _shape(word: str) -> str:
    """Return the kinds of characters in a word, in their order, such as "Aa" for "Film" and "A0" for "B2014"."""
    kinds = ("A" if one.isupper() else "a" if one.islower() else "0" if one.isdecimal() else one for one in word)
    return "".join(kind for kind, _ in groupby(kinds))
