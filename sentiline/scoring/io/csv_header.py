"""Checks of the first line and the first row of CSV and TSV: whether they are what they are read as."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sentiline.code_points import has_lone_surrogates
from sentiline.errors import DataFileError
from sentiline.scoring.chunk import check_names
from sentiline.scoring.io.content_check import warn_once
from sentiline.scoring.io.formats import is_text_name
from sentiline.scoring.io.source import Source

_CONTROL = re.compile("[\x01-\x08\x0e-\x1f]")
_QUOTED_AFTER_BLANKS = re.compile(r' +".*"\s*', re.DOTALL)
_LABEL = re.compile(r"[+-]?\d{1,2}(?:\.\d+)?|__label__\S+|label_\d+", re.IGNORECASE)  # longer numbers may be years
_LABEL_WORD = re.compile("pos|neg|positive|negative|neutral", re.IGNORECASE)
_OTHER_DELIMITER = re.compile(rf"\s*(?:{_LABEL_WORD.pattern}|{_LABEL.pattern})\s*([;\t|])", re.IGNORECASE)


def check_header(source: Source, number: int, record: list[str]) -> tuple[str, ...]:
    """Check that a line names the columns, and return the names.

    Args:
        source: The file.
        number: The number of the line.
        record: The fields of the line.

    Raises:
        DataFileError: It looks like a row, or like the names of a file with another delimiter or of another format.
    """
    names = check_names(record, f"{source.name}, line {number}")
    if any(map(_is_undecodable, names)):
        raise DataFileError(f"{source.name}, line {number}: not decodable; see --encoding", field="encoding")
    _check_delimiter(source, number, names)
    if reviews := _reviews_among(names):
        raise DataFileError(
            f"{source.name}, line {number}: should name the columns, and {reviews[0][:64]!r} looks like a review; if "
            "the file has no header, add --no-header, which names the columns 1, 2, and so on, or add a first line "
            "with column names, such as label,text; else rename this column",
            field="columns",
        )
    for name in names:
        words = len(name.split())
        if (words > 3 or (words > 1 and len(names) == 1)) and not is_text_name(name) and not _is_question(name):
            warn_once(
                f"{source.name}, line {number}: the line names the columns; if {name[:64]!r} is a review, the file "
                "has no header: add --no-header"
            )
            break
    return names


def _reviews_among(names: Sequence[str]) -> list[str]:
    """Return the column names that look like reviews: sentences, and any name in a row that also holds a label."""
    sentences = [name for name in names if _is_sentence(name)]
    if sentences or any(map(is_text_name, names)):
        return sentences
    rest = [name for name in names if not _LABEL.fullmatch(name.strip())]
    if len(rest) < len(names):
        return [name for name in rest if re.search(r"[^\W\d_]{2}", name)]
    words = sum(_LABEL_WORD.fullmatch(name.strip()) is not None for name in names)
    return [name for name in names if words == 1 and " " in name.strip()]  # "headline,positive" may be names


def _is_sentence(name: str) -> bool:
    """Return whether a column name looks like a review."""
    text = name.strip()
    return (len(text) > 64 and not _is_question(text)) or (" " in text and text.endswith((".", "!")))


def _is_question(name: str) -> bool:
    """Return whether a column name is a question, as in surveys."""
    return name.strip().endswith(("?", ":"))


def check_first_row(source: Source, number: int, record: Sequence[str]) -> None:
    """Raise if the fields of the first row are not separated or quoted as the file is read.

    Raises:
        DataFileError: A quoted field follows blanks, so that its quotes would become part of the text; or the only
            column of a file without a header begins with a label and another delimiter.
    """
    if problem := _quotes_after_blanks(source, number, record):
        raise DataFileError(problem, field="input")
    if len(record) > 1 or not source.format.dialect.no_header:
        return
    other = _OTHER_DELIMITER.match(record[0]) or re.search(f"({_CONTROL.pattern})", record[0])
    if other and other[1] != source.format.delimiter:
        raise DataFileError(
            f"{source.name}, line {number}: the only column holds {record[0][:64]!r}; are the columns separated by "
            f"{other[1]!r}? Then add --delimiter {_written(other[1])}",
            field="columns",
        )


def warn_of_quotes_after_blanks(source: Source, number: int, record: Sequence[str], lines: Sequence[str]) -> bool:
    """Log a warning if a later row has a quoted field after blanks; return whether it does."""
    if not any(source.format.delimiter + ' "' in line for line in lines):  # quick for nearly all rows
        return False
    problem = _quotes_after_blanks(source, number, record)
    if problem:
        warn_once(problem)
    return bool(problem)


def _quotes_after_blanks(source: Source, number: int, record: Sequence[str]) -> str:
    """Return what is wrong with a row in which blanks stand before quotes; empty if nothing is."""
    found = [field for field in record if _QUOTED_AFTER_BLANKS.fullmatch(field)]
    if not found or not source.format.quotes or source.format.dialect.skip_blanks:
        return ""
    return (
        f"{source.name}, line {number}: blanks stand before the quotes of {found[0].strip()[:64]!r}, which become part "
        "of the text; skip them with --skip-blanks, or add --quoting none if quotes are part of the text"
    )


def _written(delimiter: str) -> str:
    """Return a delimiter as it is written after `--delimiter`."""
    return repr(delimiter) if delimiter.isprintable() or delimiter == "\t" else f"$'\\x{ord(delimiter):02x}'"


def _check_delimiter(source: Source, number: int, names: tuple[str, ...]) -> None:
    """Raise if the names look like those of a file with another delimiter or of another format."""
    for name in names:
        if control := _CONTROL.search(name):
            raise DataFileError(
                f"{source.name}, line {number}: the column name {name!r} holds a control character; if it separates "
                f"columns, add --delimiter {_written(control[0])}; or rename the column",
                field="columns",
            )
    if names[0].lstrip().startswith(('{"', "[{")):
        raise DataFileError(
            f"{source.name}, line {number}: the first column is named {names[0]!r}; if the file is JSON Lines, add "
            "--format jsonl",
            field="columns",
        )
    header = "".join(names)
    # A lone name with another delimiter is as suspect as several names with more of them than of the right one; but
    # commas may be part of names.
    others = ",;\t|" if len(names) == 1 else ";\t|"
    found = [one for one in others if one != source.format.delimiter and header.count(one) >= len(names)]
    if found:
        column = f"the only column is named {names[0]!r}" if len(names) == 1 else f"a column is named {names[0]!r}"
        raise DataFileError(
            f"{source.name}, line {number}: {column}; are the columns separated by {found[0]!r}? Then add --delimiter "
            f"{_written(found[0])}; or rename the column",
            field="columns",
        )


def _is_undecodable(text: str) -> bool:
    """Return whether a name has bytes that do not fit the encoding, or NULs, as UTF-16 without a BOM does."""
    return has_lone_surrogates(text) or "\0" in text
