"""Reviews from a labelled file of the user's own, every row accounted for."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sentiline.code_points import has_lone_surrogates
from sentiline.tokenizer import split as split_tokens
from training.data.review import Review
from training.data.rows import Kind, Problem, Quoting, Row, read_rows, shorten
from training.data.scheme import SCHEMES, LabelValue, Scheme, infer_scheme, normalize_label, sentiment_of
from training.data.split import Parts, film_disjoint, stratified
from training.errors import DataError

__all__ = ["Kind", "LabelledData", "Problem", "load", "split"]

_LETTER = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class LabelledData:
    """A labelled file, read.

    Attributes:
        reviews: the usable rows, in file order; `film` holds the group, `id` is "line <n>".
        problems: the other rows, in file order; together they are all rows of the file.
        scheme: what the labels were taken for.
    """

    reviews: tuple[Review, ...]
    problems: tuple[Problem, ...]
    scheme: Scheme

    def counts(self) -> dict[Kind, int]:
        """Number of rows of each kind of problem, most frequent first."""
        return dict(Counter(problem.kind for problem in self.problems).most_common())

    def summary(self) -> str:
        """A few lines for the terminal.

        Example:
            >>> reviews = Review("Splendid", 1), Review("Dull", 0)
            >>> print(LabelledData(reviews, (Problem(4, "missing text", "''"),), "binary").summary())
            3 rows, labels read as binary: 2 usable (1 positive, 1 negative), 1 skipped
              1 missing text: line 4: ''
        """
        positive = sum(review.label for review in self.reviews)
        head = (
            f"{len(self.reviews) + len(self.problems):,} rows, labels read as {self.scheme}: {len(self.reviews):,} "
            f"usable ({positive:,} positive, {len(self.reviews) - positive:,} negative), {len(self.problems):,} skipped"
        )
        return head + _listing(self.problems)


def load(
    path: str | os.PathLike[str],
    *,
    text_column: str = "text",
    label_column: str = "label",
    group_column: str | None = None,
    labels: Scheme | Literal["auto"] = "auto",
    format: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quoting: Quoting = "csv",
) -> LabelledData:
    """Read a CSV, TSV, JSON Lines or Parquet file of texts and their sentiment.

    Args:
        path: the file; its ending tells the format (.csv, .tsv, .jsonl, .ndjson, .parquet).
        text_column: name of the column, or JSON key, with the text.
        label_column: with the label.
        group_column: with what the text is about (a film, a product, an author), for `split`.
        labels: what the labels mean, see `sentiline.labels.sentiment_of`; "auto" is `sentiline.labels.infer_scheme`.
        format: csv, tsv, jsonl or parquet, whatever the ending.
        encoding: of a text file; a byte order mark is dropped.
        delimiter: between the columns of CSV or TSV, if not a comma or a tab.
        quoting: "csv" for fields in double quotes, a quote in them written twice; "none" if quotes mean nothing.

    Returns:
        The usable rows and the problems. Blank lines of a text file are no rows.

    Raises:
        DataError: the file, an option or a column does not fit; or no row, or one class only, is usable.
    """
    path = Path(path)
    if labels != "auto" and labels not in SCHEMES:
        raise DataError(f"labels is {labels!r}; it must be one of auto, {', '.join(SCHEMES)}", field="labels")
    columns = [text_column, label_column, *([] if group_column is None else [group_column])]
    if len(set(columns)) < len(columns):
        raise DataError(f"text, label and group must be different columns; got {', '.join(columns)}", field="columns")
    rows = read_rows(path, columns, format=format, encoding=encoding, delimiter=delimiter, quoting=quoting)
    readable = [row for row in rows if isinstance(row, Row)]
    if not readable:
        raise DataError(f"{path} holds no usable row{_listing(row for row in rows if isinstance(row, Problem))}")
    marks = {row.line: normalize_label(row.values[1]) for row in readable}
    try:
        scheme = infer_scheme(marks.values()) if labels == "auto" else labels
    except DataError as error:
        raise DataError(f"{path}, column {label_column!r}: {error}", field=error.field) from None
    outcomes = [_review(row, marks[row.line], scheme) if isinstance(row, Row) else row for row in rows]
    reviews = tuple(outcome for outcome in outcomes if isinstance(outcome, Review))
    problems = tuple(outcome for outcome in outcomes if isinstance(outcome, Problem))
    found = {review.label for review in reviews}
    if len(found) < 2:
        usable = f"only {'positive' if 1 in found else 'negative'} reviews" if found else "no usable row"
        raise DataError(
            f"{path} holds {usable} when its labels are read as {scheme}; training needs both classes"
            f"{_listing(problems)}"
        )
    return LabelledData(reviews, problems, scheme)


def split(reviews: Sequence[Review], *, fraction: float = 0.1, seed: int = 7) -> Parts:
    """Seeded `(train, validation)` parts of a user's reviews.

    With groups no group is in both parts; without, both hold the classes in the same proportion. The same text is
    never in both.

    Raises:
        DataError: as `training.data.split.film_disjoint` and `training.data.split.stratified` say.
    """
    parts = film_disjoint if any(review.film is not None for review in reviews) else stratified
    return parts(reviews, fraction=fraction, seed=seed)


def _review(row: Row, mark: LabelValue | None, scheme: Scheme) -> Review | Problem:
    text, label, *group = row.values
    if text is None or (isinstance(text, str) and not text.strip()):
        return Problem(row.line, "missing text", repr(text))
    if not isinstance(text, str):
        return Problem(row.line, "unreadable text", f"{type(text).__name__} {shorten(text)}")
    if has_lone_surrogates(text):
        return Problem(row.line, "unreadable text", f"half a surrogate pair: {shorten(ascii(text))}")
    if not _has_token(text):
        return Problem(row.line, "text without a token", shorten(text))
    if label is None or label != label or (isinstance(label, str) and not label.strip()):  # NaN is not itself
        return Problem(row.line, "missing label", repr(label))
    sentiment = None if mark is None else sentiment_of(mark, scheme)
    if sentiment is None:
        return Problem(row.line, "unreadable label", shorten(repr(label)))
    if sentiment == "neutral":
        return Problem(row.line, "neutral label", shorten(repr(label)))
    stars = mark if scheme in ("stars5", "stars10") and isinstance(mark, int) else None
    if not group:
        return Review(text, sentiment, stars=stars, id=f"line {row.line}")
    if group[0] is None or not str(group[0]).strip():
        return Problem(row.line, "missing group", repr(group[0]))
    return Review(text, sentiment, stars=stars, film=str(group[0]).strip(), id=f"line {row.line}")


def _has_token(text: str) -> bool:
    if _LETTER.search(text) and "<" not in text and "&" not in text:  # any letter or digit outside markup is a token
        return True
    return bool(split_tokens(text)[0])


def _listing(problems: Iterable[Problem], shown: int = 10) -> str:
    """One line for each kind of problem: how many, where, and what stood at the first place."""
    kinds: dict[Kind, list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    text = ""
    for kind, found in sorted(kinds.items(), key=lambda item: -len(item[1])):
        lines = ", ".join(f"{problem.line}" for problem in found[:shown]) + (", …" if len(found) > shown else "")
        where = f"line {lines}" if len(found) == 1 else f"lines {lines}; first"
        text += f"\n  {len(found):,} {kind}: {where}: {found[0].value}"
    return text
