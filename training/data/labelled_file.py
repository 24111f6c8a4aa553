"""Reviews from labelled files of the user's own, with every row that cannot be used listed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sentiline.code_points import has_lone_surrogates
from sentiline.evaluation.labelled_rows import LabelledChunk, find_scheme, read_labelled_chunks
from sentiline.evaluation.skipped_rows import PROBLEMS
from sentiline.labels import check_labels, normalize_label
from sentiline.scoring.chunk import find_text_column
from sentiline.scoring.io.dialect import Dialect
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.io.source import Source
from sentiline.tokenizer import split as split_tokens
from training.data.near_duplicates import group_near_duplicates
from training.data.review import NEUTRAL, POSITIVE, Review
from training.data.split import Parts, film_disjoint, stratified
from training.errors import DataError

REASONS = PROBLEMS | {
    "missing_group": "no group: the column is null, empty or absent",
    "undecodable_text": "bytes that do not fit the encoding",
}
_LETTER = re.compile(r"[^\W_]")
_LISTED = 10
# The share and the number of undecodable rows above which the whole file is taken to be in another encoding. A few are
# texts that were cut in the middle of a character, and any other encoding would spoil the rest.
_MANY, _FEW = 0.1, 5


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that cannot be used.

    Attributes:
        file: The name of its file.
        line: The line of a text file, or the row of a Parquet file, on which it begins, from 1.
        kind: The reason, a key of `REASONS`.
        value: The text, label or group that cannot be used, at most 60 characters of it.
    """

    file: str
    line: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class LabelledData:
    """The rows of labelled files.

    Attributes:
        reviews: The usable rows in file order. `film` is the group, `id` the file and the line.
        problems: The other rows in file order. Together they are all rows.
        scheme: The meaning of the labels, a scheme or a mapping.
        sources: The files.
        neutral: The rows with a neutral label in file order, if they were asked for; otherwise they are problems. Their
            `label` is 0.5.
    """

    reviews: tuple[Review, ...]
    problems: tuple[Problem, ...]
    scheme: str
    sources: tuple[Source, ...] = ()
    neutral: tuple[Review, ...] = ()

    def summary(self) -> str:
        """Count the rows in a few lines for the terminal.

        Example:
            >>> reviews = Review("Splendid", 1), Review("Dull", 0)
            >>> print(LabelledData(reviews, (Problem("a.csv", 4, "empty_text", "..."),), "binary").summary())
            3 rows, labels read as binary: 2 usable (1 positive, 1 negative), 1 skipped
              1 empty_text: no word in the text; a.csv: 4 ('...')
        """
        positive = sum(review.label == POSITIVE for review in self.reviews)
        usable = len(self.reviews) + len(self.neutral)
        neutral = f", {len(self.neutral):,} neutral" if self.neutral else ""
        head = (
            f"{usable + len(self.problems):,} rows, labels read as {self.scheme}: {usable:,} usable ({positive:,} "
            f"positive, {len(self.reviews) - positive:,} negative{neutral}), {len(self.problems):,} skipped"
        )
        return head + self.listing()

    def listing(self) -> str:
        """One indented line per kind of problem: the number of rows, the reason, and where the first ones are."""
        kinds: dict[str, list[Problem]] = {}
        for problem in self.problems:
            kinds.setdefault(problem.kind, []).append(problem)
        text = ""
        for kind, found in sorted(kinds.items(), key=lambda item: -len(item[1])):
            lines: dict[str, list[str]] = {}
            for problem in found[:_LISTED]:
                lines.setdefault(problem.file, []).append(str(problem.line))
            places = "; ".join(f"{file}: {', '.join(numbers)}" for file, numbers in lines.items())
            more = ", …" if len(found) > _LISTED else ""
            reason = REASONS[kind]
            if kind == "undecodable_text" and len(found) > max(_FEW, _MANY * (len(self.reviews) + len(self.problems))):
                reason += "; the file may be in another encoding, see --encoding"
            text += f"\n  {len(found):,} {kind}: {reason}; {places}{more} ({found[0].value!r})"
        return text


def load(
    path: str | os.PathLike[str],
    *,
    text_column: str = "text",
    label_column: str = "label",
    group_column: str | None = None,
    labels: str = "auto",
    format: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quoting: str = "csv",
    no_header: bool = False,
    skip_lines: int = 0,
    escape: str | None = None,
    skip_blanks: bool = False,
    neutral: bool = False,
) -> LabelledData:
    """Read texts and their sentiment from files of every format that `sentiline score` reads.

    Args:
        path: A file, a folder, a glob or a URL, as `sentiline.scoring.io.discovery.find_sources` takes it.
        text_column: The name of the column, or the JSON key, with the texts.
        label_column: The name of the column with the labels.
        group_column: The name of the column with what a text is about (a film, a product, an author). `split` keeps
            each group in one part.
        labels: The meaning of the labels: a scheme such as "stars5", or a mapping such as "negative=1,positive=2", see
            `sentiline.labels.check_labels`; "auto" infers it from all of them.
        format: "csv", "tsv", "jsonl" or "parquet"; None goes by the ending of the name.
        encoding: The encoding of text files. A byte order mark is dropped.
        delimiter: The character between the columns of CSV or TSV, if it is not a comma or a tab.
        quoting: "csv" where fields may be in double quotes, "none" where double quotes are part of the text.
        no_header: Whether CSV and TSV files have no line of column names, so that columns are named by number from "1".
        skip_lines: The number of lines above the column names of CSV and TSV files.
        escape: The character that escapes quotes in CSV and TSV files, such as a backslash; None if they are doubled.
        skip_blanks: Whether blanks after the delimiters of CSV and TSV files are skipped.
        neutral: Whether rows with a neutral label are usable; otherwise they are among the problems.

    Returns:
        The usable rows and the problems. Blank lines are not rows.

    Raises:
        DataError: The columns are not distinct, or the file has no usable row, or rows of one class only.
        DataFileError: A file cannot be read, is malformed or lacks a column; or its labels have no single meaning.
        OptionError: An option has an unusable value.
    """
    check_labels(labels)
    columns = [text_column, label_column, *([] if group_column is None else [group_column])]
    if len(set(columns)) < len(columns):
        raise DataError(f"text, label and group must be different columns; got {', '.join(columns)}", field="columns")
    dialect = Dialect(no_header, skip_lines, escape, skip_blanks)
    sources = find_sources([os.fspath(path)], format, encoding, delimiter, quoting, dialect=dialect)
    scheme = find_scheme(sources, label_column, encoding) if labels == "auto" else labels
    rows: list[Review | Problem] = []
    checked = ""  # the file whose columns were checked; later objects of a JSON file may lack a key
    for examples in read_labelled_chunks(sources, label_column, text_column, scheme, encoding):
        if group_column is not None and checked != (checked := examples.chunk.file):
            find_text_column(examples.chunk, group_column)
        rows += _rows(examples, group_column, scheme, neutral=neutral)
    reviews = [row for row in rows if isinstance(row, Review)]
    data = LabelledData(
        tuple(review for review in reviews if review.label != NEUTRAL),
        tuple(row for row in rows if isinstance(row, Problem)),
        scheme,
        tuple(sources),
        tuple(review for review in reviews if review.label == NEUTRAL),
    )
    found = {review.label for review in data.reviews}
    if len(found) < 2:
        usable = f"only {'positive' if 1 in found else 'negative'} reviews" if found else "no usable row"
        raise DataError(
            f"{path} holds {usable} when its labels are read as {scheme}; training needs both classes{data.listing()}"
        )
    return data


def split(reviews: Sequence[Review], *, fraction: float = 0.1, seed: int = 7) -> Parts:
    """Split a user's reviews into `(train, validation)`, reproducibly.

    With groups, no group is in both parts; without, both parts hold the classes in the same proportion. No text is in
    both, and no near-duplicate, see `training.data.near_duplicates.group_near_duplicates`.

    Raises:
        DataError: As `training.data.split.film_disjoint` and `training.data.split.stratified` raise it.
    """
    parts = film_disjoint if any(review.film is not None for review in reviews) else stratified
    copies = group_near_duplicates([review.text for review in reviews])
    return parts(reviews, fraction=fraction, seed=seed, copies=copies)


def _rows(
    examples: LabelledChunk, group_column: str | None, scheme: str, *, neutral: bool
) -> Iterator[Review | Problem]:
    chunk = examples.chunk
    texts = chunk.data.column(examples.text_column)
    groups = [None] * len(chunk) if group_column is None else chunk.data.column(group_column)
    for index, (text, label, truth, group) in enumerate(
        zip(texts, examples.labels, examples.truths, groups, strict=True)
    ):
        kind = chunk.faults.get(index) or _problem_of_text(text)
        value = text
        if kind is None and neutral and truth == "neutral_label":
            truth = NEUTRAL  # type: ignore[assignment]
        if kind is None and isinstance(truth, str):
            kind, value = truth, label
        elif kind is None and group_column is not None and (group is None or not str(group).strip()):
            kind, value = "missing_group", group
        if kind is not None:
            yield Problem(chunk.file, chunk.lines[index], kind, "" if value is None else _shortened(value))
            continue
        stars = normalize_label(label) if scheme in ("stars5", "stars10") else None
        film = None if group_column is None else str(group).strip()
        yield Review(text, truth, stars=stars, film=film, id=chunk.place(index))  # type: ignore[arg-type]


def _problem_of_text(text: object) -> str | None:
    if text is None:
        return "missing_text"
    if not isinstance(text, str):
        return "invalid_type"
    if has_lone_surrogates(text):  # half of a surrogate pair, or bytes that do not fit the encoding
        return "undecodable_text"
    return None if _has_token(text) else "empty_text"


def _has_token(text: str) -> bool:
    if _LETTER.search(text) and "<" not in text and "&" not in text:  # outside markup any letter or digit is a token
        return True
    return bool(split_tokens(text)[0])


def _shortened(value: object, limit: int = 60) -> str:
    """A value on one line and in at most `limit` characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
