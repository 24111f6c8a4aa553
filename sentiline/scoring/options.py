"""The options of batch scoring, which the command, the Python function and the cluster share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sentiline.errors import OptionError
from sentiline.predictor import Predictor
from sentiline.scoring.io.dialect import Dialect
from sentiline.scoring.memory import DEFAULT, parse_size
from sentiline.scoring.scorer import BAD_ROWS, COLUMNS, MAX_CHARACTERS, PROBABILITIES, SENTENCES, TIMESTEPS, ChunkScorer
from sentiline.tokenizer import Truncation


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """How rows are read, scored and written.

    Attributes:
        text_column: The name of the column with the texts; None to detect it, see `find_text_column`.
        format: The format of the input files: "csv", "tsv", "jsonl", "parquet" or "text"; None to detect it from their
            extensions or contents.
        to: The format of the output file; None to take it from the extension.
        encoding: The encoding of text files.
        delimiter: The character between the columns of CSV inputs; None for a comma, and a tab in TSV.
        quoting: "csv" if double quotes enclose fields of CSV and TSV inputs, "none" if they are part of the text.
        no_header: Whether CSV and TSV files have no line of column names, so that columns are named by number from "1".
        skip_lines: The number of lines above the column names of CSV and TSV files.
        escape: The character that escapes quotes in CSV and TSV files, such as a backslash; None if they are doubled.
        skip_blanks: Whether blanks after the delimiters of CSV and TSV files are skipped.
        prefix: A prefix for the names of the added columns.
        timesteps: Whether to add a nested column with the sentiment at every token.
        sentences: Whether to add a nested column with the contribution of every sentence.
        neutral: Whether the labels are NEGATIVE, NEUTRAL and POSITIVE, with a column for the probability of each.
        truncation: How to shorten long texts; None for the model's own policy.
        max_characters: The length beyond which a text is not scored.
        strict: Whether to raise at the first row that cannot be scored, instead of filling its `error` column, or that
            has one of the `scorer.WARNINGS`.
        bad_rows: "stop" to raise at a row that cannot be read or written, "keep" to write it with its error code,
            "skip" to leave out all rows with an error code, which are counted.
        drop: The names of columns that are not written.
        keep: The names of the only columns of the inputs that are written; empty for all.
        memory: The peak resident memory of a run over files, such as "2GB"; long texts then make shorter chunks.
    """

    text_column: str | None = None
    format: str | None = None
    to: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: str = "csv"
    no_header: bool = False
    skip_lines: int = 0
    escape: str | None = None
    skip_blanks: bool = False
    prefix: str = ""
    timesteps: bool = False
    sentences: bool = False
    neutral: bool = False
    truncation: Truncation | None = None
    max_characters: int = MAX_CHARACTERS
    strict: bool = False
    bad_rows: str = "stop"
    drop: Sequence[str] = ()
    keep: Sequence[str] = ()
    memory: str = DEFAULT

    def __post_init__(self) -> None:
        """Check the types, since Python callers pass values that no command line has parsed.

        Raises:
            OptionError: A value has the wrong type or is out of range.
        """
        for name in ("encoding", "prefix", "memory", "quoting"):
            if not isinstance(value := getattr(self, name), str):
                raise OptionError(f"{name} is {value!r}; it must be a string", field=name)
        for name in ("text_column", "format", "to", "delimiter", "truncation"):
            if not isinstance(value := getattr(self, name), str | None):
                raise OptionError(f"{name} is {value!r}; it must be a string or None", field=name)
        if not isinstance(self.neutral, bool):
            raise OptionError(f"neutral is {self.neutral!r}; it must be True or False", field="neutral")
        if self.bad_rows not in BAD_ROWS:
            raise OptionError(
                f"--bad-rows is {self.bad_rows!r}; it must be one of {', '.join(BAD_ROWS)}", field="--bad-rows"
            )
        if self.strict and self.bad_rows != "stop":
            raise OptionError(
                f"--strict stops at every bad row, and --bad-rows is {self.bad_rows}; leave one out", field="--bad-rows"
            )
        for name in ("drop", "keep"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(column, str) for column in value):
                raise OptionError(f"{name} is {value!r}; it must be a list of column names", field=name)
        if self.drop and self.keep:
            raise OptionError("--drop and --keep both choose the columns to write; give one of them", field="--drop")
        limit = self.max_characters
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise OptionError(
                f"max_characters is {limit!r}; it must be a whole number of at least 1", field="max_characters"
            )
        Dialect.from_options(self)  # checks the values
        parse_size(self.memory)

    def dropped_columns(self, names: Iterable[str]) -> set[str]:
        """Return those of a file's columns that are not written."""
        return {name for name in names if name in self.drop or (self.keep and name not in self.keep)}

    @property
    def spans(self) -> bool:
        """Whether the output needs the character spans of tokens."""
        return self.timesteps or self.sentences

    @property
    def added_columns(self) -> dict[str, str]:
        """The name in the output of each added column, in order."""
        nested = [name for name, wanted in ((TIMESTEPS, self.timesteps), (SENTENCES, self.sentences)) if wanted]
        place = COLUMNS.index("positive") + 1
        columns = (*COLUMNS[:place], *(PROBABILITIES if self.neutral else ()), *COLUMNS[place:], *nested)
        return {name: self.prefix + name for name in columns}

    def check_model(self, predictor: Predictor) -> None:
        """Check that the model can do what the options ask of it.

        Raises:
            OptionError: Three classes are asked for and the model has no cut points.
        """
        if self.neutral:
            predictor.manifest.require_cut_points()

    def scorer(self, predictor: Predictor, column: str) -> ChunkScorer:
        """Return a scorer for the texts of a column."""
        return ChunkScorer(
            predictor, column, self.truncation, self.max_characters, self.strict, self.spans, self.neutral
        )
