"""Scoring of chunks: the columns that are added, and the error codes of rows that cannot be scored."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiline.code_points import has_lone_surrogates
from sentiline.columns import Columns
from sentiline.errors import DataFileError, InputError, OptionError
from sentiline.predictor import Predictor
from sentiline.reading import Reading
from sentiline.scoring.chunk import BadRowError, Chunk, Records, missing_text_column
from sentiline.scoring.undecodable import undecodable_columns
from sentiline.tokenizer import Truncation

COLUMNS = ("label", "score", "positive", "tokens_total", "unknown_tokens", "truncated", "uncertain", "error")
# The columns that follow `positive` where three classes are asked for.
PROBABILITIES = ("probability_negative", "probability_neutral", "probability_positive")
TIMESTEPS, SENTENCES = "timesteps", "sentences"
NESTED = (TIMESTEPS, SENTENCES)
MAX_CHARACTERS = 1_000_000

# The codes in the column `error`, and what each one means.
FAULTS = {
    "missing_text": "no text: the column is null or absent",
    "empty_text": "no word in the text",
    "invalid_type": "not a string",
    "undecodable_text": "bytes that do not fit the encoding; see --encoding",
    "too_many_characters": "longer than --max-characters",
    "malformed_row": "not a row of its file; the text column has the whole row, and the other columns are empty",
    "unexpected_column": "a column that the rows before lack, or with the name of an added one, which is left out",
    "unexpected_type": "a value of another type than in the rows before, which is left out",
    "line_too_long": "a line of more than 8,388,608 characters, which is not carried through; shorten it",
    "text_too_long": "more tokens than the model reads, under --truncation error",
}

# The codes of what may be wrong with rows although they have no error, and what each one means.
WARNINGS = {
    "undecodable_column": "bytes that do not fit the encoding in a carried column, written as U+FFFD; see --encoding",
    "joined_lines": "lines that are one row because of their quotes, and as many rows without; if quotes are part of "
    "the text, add --quoting none",
}


# The codes of rows that a run can be told to stop at.
UNREADABLE = ("malformed_row", "unexpected_column", "unexpected_type")
BAD_ROWS = ("keep", "skip", "stop")


@dataclass(frozen=True, slots=True, eq=False)
class ScoredChunk:
    """A chunk with the model's results.

    Attributes:
        chunk: The rows.
        values: The model's output for each row, in arrays.
        faults: The error code of each row that has one, by index; its `values` do not count.
        readings: The reading of each row, None where there is an error code; None unless the scorer makes them.
        warnings: A code of `WARNINGS` and the place for each row that may have lost something.
    """

    chunk: Chunk
    values: Columns
    faults: Mapping[int, str]
    readings: Sequence[Reading | None] | None = None
    warnings: Sequence[tuple[str, str]] = ()

    @property
    def results(self) -> list[Reading | str]:
        """The reading of each row, or its error code, from a scorer that makes readings.

        Raises:
            ValueError: The scorer makes none.
        """
        if self.readings is None:
            raise ValueError("this chunk was scored without readings; set `ChunkScorer.readings`")
        return [self.faults.get(index) or one for index, one in enumerate(self.readings)]  # type: ignore[misc]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Whether each row has no error code, bool [rows]."""
        found = np.ones(len(self.values), np.bool_)
        found[list(self.faults)] = False
        return found

    def without_faulty_rows(self) -> ScoredChunk:
        """Return only the rows without an error code."""
        if not self.faults:
            return self
        indices = np.flatnonzero(self.scored).tolist()
        lines = [self.chunk.lines[index] for index in indices]
        chunk = replace(self.chunk, lines=lines, data=self.chunk.data.take(indices), faults={}, joined={}, raw_rows={})
        readings = None if self.readings is None else [self.readings[index] for index in indices]
        return ScoredChunk(chunk, self.values.take(indices), {}, readings, self.warnings)

    def without_columns(self, dropped: Container[str], faults: Mapping[int, str] | None = None) -> ScoredChunk:
        """Return the chunk without some columns.

        Args:
            dropped: The names of the columns.
            faults: The error codes, by index, of the rows of JSON Lines that lose them; None if all rows do.
        """
        data = self.chunk.data
        if faults is None or not isinstance(data, Records):
            return replace(self, chunk=replace(self.chunk, data=data.without_columns(dropped)))
        chunk = replace(self.chunk, data=data.without_columns(dropped, faults))
        return replace(self, chunk=chunk, faults={**self.faults, **faults})

    def arrays(self) -> dict[str, NDArray[Any] | None]:
        """Return the added columns that are neither nested nor the error code, with any value in rows with an error.

        Returns:
            One array per column, [rows]; None where no row has a value.
        """
        values = self.values
        return {
            "label": values.label,
            "score": values.score,
            "positive": values.positive,
            **{name: _probabilities(values, name) for name in PROBABILITIES},
            "tokens_total": values.tokens_total,
            "unknown_tokens": values.unknown_tokens,
            "truncated": values.truncated,
            "uncertain": values.uncertain,
        }

    def columns(self, names: dict[str, str]) -> dict[str, Iterable[Any]]:
        """Return the added columns by their names in the output.

        Args:
            names: The name in the output of each wanted column, as `ScoreOptions.added_columns` gives them.

        Returns:
            One value per row, None where there is none. The nested columns are generators, because the values of a
            whole chunk would take hundreds of megabytes.
        """
        arrays = self.arrays()
        columns: dict[str, Iterable[Any]] = {name: self._listed(arrays[name]) for name in arrays if name in names}
        columns["error"] = [self.faults.get(index) for index in range(len(self.values))]
        columns |= self.nested()
        return {written: columns[name] for name, written in names.items()}

    def nested(self) -> dict[str, Iterator[list[dict[str, Any]] | None]]:
        """Return the nested columns as generators."""
        readings = self.readings or ()
        return {TIMESTEPS: _timesteps(readings), SENTENCES: _sentences(readings)}

    def _listed(self, array: NDArray[Any] | None) -> list[Any]:
        values: list[Any] = [None] * len(self.values) if array is None else array.tolist()
        for index in self.faults:
            values[index] = None
        return values


def _probabilities(values: Columns, name: str) -> NDArray[np.float64] | None:
    """Return the values of one of the `PROBABILITIES`; None for two classes."""
    if values.probabilities is None:
        return None
    field = name.removeprefix("probability_")
    return np.array([getattr(one, field) for one in values.probabilities], np.float64)


def _timesteps(readings: Sequence[Reading | None]) -> Iterator[list[dict[str, Any]] | None]:
    for one in readings:
        yield None if one is None else one.as_dict("timesteps")["timesteps"]


def _sentences(readings: Sequence[Reading | None]) -> Iterator[list[dict[str, Any]] | None]:
    for one in readings:
        yield None if one is None else [asdict(sentence) for sentence in one.sentences()]


@dataclass(frozen=True, slots=True)
class ChunkScorer:
    """Scores the texts of chunks.

    Attributes:
        predictor: The model.
        column: The name of the column with the texts.
        truncation: How to shorten long texts; None for the model's own policy.
        max_characters: The length beyond which a text is not scored.
        strict: Whether a row that cannot be scored raises an error.
        spans: Whether timesteps or sentences are wanted, which need the character spans of tokens.
        neutral: Whether the labels are of three classes.
        readings: Whether a `Reading` per row is made, as reports and nested columns need.
    """

    predictor: Predictor
    column: str
    truncation: Truncation | None = None
    max_characters: int = MAX_CHARACTERS
    strict: bool = False
    spans: bool = False
    neutral: bool = False
    readings: bool = False

    def score(self, chunk: Chunk) -> ScoredChunk:
        """Score the rows of a chunk.

        Raises:
            DataFileError: The rows lack the column, as those of a later file may; only JSON objects are allowed to. Or
                a row cannot be scored and the scorer is strict.
        """
        if not (self.readings or self.spans):
            return self._scored(chunk, self._columns)
        return self._scored(chunk, self._readings)

    def check(self, chunk: Chunk) -> ScoredChunk:
        """Find the rows of a chunk that cannot be scored; the others have no values.

        Raises:
            DataFileError: The rows lack the column.
        """
        return self._scored(chunk, self._tokenize)

    def _columns(self, texts: Sequence[str]) -> tuple[Columns, None]:
        values = self.predictor.columns(texts, truncation=self.truncation, errors="return", neutral=self.neutral)
        return values, None

    def _readings(self, texts: Sequence[str]) -> tuple[Columns, list[Reading | None]]:
        found = self.predictor.read_each(texts, truncation=self.truncation, spans=self.spans, neutral=self.neutral)
        readings = [None if isinstance(one, InputError) else one for one in found]
        errors = {index: one for index, one in enumerate(found) if isinstance(one, InputError)}
        return replace(Columns.from_readings(readings), errors=errors), readings

    def _tokenize(self, texts: Sequence[str]) -> tuple[Columns, None]:
        encoded = self.predictor.tokenizer.encode_list(texts, truncation=self.truncation)
        return replace(Columns.empty(len(texts), None), errors=encoded.errors), None

    def _scored(
        self, chunk: Chunk, score: Callable[[Sequence[str]], tuple[Columns, list[Reading | None] | None]]
    ) -> ScoredChunk:
        is_json = isinstance(chunk.data, Records) and chunk.data.sources is not None
        if not is_json and not chunk.data.has_column(self.column):
            raise missing_text_column(chunk.file, chunk.data.names, self.column)
        chunk = chunk.with_raw_rows(self.column)
        texts = [
            text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
            for text in chunk.data.column(self.column)
        ]  # as Impala, Hive and old Spark store strings
        found = self._unreadable(texts) | dict(chunk.faults)
        # An empty text stands for each of these: its error is not looked at.
        values, readings = score(["" if index in found else text for index, text in enumerate(texts)])
        found = {index: error.code for index, error in values.errors.items()} | found
        faults = {index: found[index] for index in sorted(found)}
        if self.strict and faults:
            index, fault = next(iter(faults.items()))
            raise BadRowError(
                f"{chunk.place(index)}: {fault}: {FAULTS[fault]}; without --strict the row is kept with its error",
                field=self.column,
            )
        warnings = list(_warnings(chunk, self.column))
        if self.strict and warnings:
            code, place = warnings[0]
            raise DataFileError(
                f"{place}: {code}: {WARNINGS[code]}; without --strict the row is kept", field=self.column
            )
        return ScoredChunk(chunk, values, faults, readings, warnings)

    def _unreadable(self, texts: Sequence[object]) -> dict[int, str]:
        """Return the error code of each text that is not to be tokenized, by index."""
        limit = self.max_characters
        found = {
            index: "missing_text" if text is None else "invalid_type"
            for index, text in enumerate(texts)
            if not isinstance(text, str)
        }
        strings = {index: text for index, text in enumerate(texts) if isinstance(text, str)}
        found |= {index: "too_many_characters" for index, text in strings.items() if len(text) > limit}
        # The readers decode bytes that do not fit the encoding to lone surrogates. One check of all texts is faster.
        suspects = {index: text for index, text in strings.items() if not text.isascii() and index not in found}
        if has_lone_surrogates("".join(suspects.values())):
            found |= {index: "undecodable_text" for index, text in suspects.items() if has_lone_surrogates(text)}
        return found


def _warnings(chunk: Chunk, text_column: str) -> Iterator[tuple[str, str]]:
    for index, name in sorted(undecodable_columns(chunk, text_column).items()):
        yield "undecodable_column", f"{chunk.place(index)}, column {name!r}"
    for index, last in chunk.joined.items():
        yield "joined_lines", f"{chunk.file}, lines {chunk.lines[index]} to {last}"


def check_name_clash(chunk: Chunk, names: dict[str, str]) -> None:
    """Check that no added column has the name of a column of the input, in whatever case.

    Most SQL engines do not distinguish `Score` from `score`, and would return either.

    Args:
        chunk: Rows of the input.
        names: The names of the added columns, as `ScoreOptions.added_columns` gives them.

    Raises:
        OptionError: Two columns would share a name.
    """
    added = {name.casefold(): name for name in names.values()}
    for name in chunk.data.names:
        if (clashing := added.get(name.casefold())) is not None:
            case = "" if name == clashing else f", and {clashing!r} is added, which SQL engines take for the same"
            raise OptionError(
                f"{chunk.place_of(name)} has a column {name!r} already{case}; give the added columns another name, for "
                "example with --prefix sentiment_, or leave that one out with --drop",
                field="--prefix",
            )
