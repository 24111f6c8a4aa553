"""Scoring of chunks: the columns that are added, and the error codes of rows that cannot be scored."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sentiline.code_points import has_lone_surrogates
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


# The codes of rows that a run can be told to stop at, and what a check gives to rows that can be scored.
UNREADABLE = ("malformed_row", "unexpected_column", "unexpected_type")
UNSCORED = "unscored"
BAD_ROWS = ("keep", "skip", "stop")


@dataclass(frozen=True, slots=True, eq=False)
class ScoredChunk:
    """A chunk with the model's results.

    Attributes:
        chunk: The rows.
        results: The reading of each row, or its error code.
        warnings: A code of `WARNINGS` and the place for each row that may have lost something.
    """

    chunk: Chunk
    results: Sequence[Reading | str]
    warnings: Sequence[tuple[str, str]] = ()

    def without_faulty_rows(self) -> ScoredChunk:
        """Return only the rows without an error code."""
        indices = [index for index, result in enumerate(self.results) if not isinstance(result, str)]
        if len(indices) == len(self.results):
            return self
        lines = [self.chunk.lines[index] for index in indices]
        chunk = replace(self.chunk, lines=lines, data=self.chunk.data.take(indices), faults={}, joined={}, raw_rows={})
        return ScoredChunk(chunk, [self.results[index] for index in indices], self.warnings)

    def without_columns(self, dropped: Container[str], faults: Mapping[int, str] | None = None) -> ScoredChunk:
        """Return the chunk without some columns.

        Args:
            dropped: The names of the columns.
            faults: The error codes, by index, of the rows of JSON Lines that lose them; None if all rows do.
        """
        data = self.chunk.data
        if faults is None or not isinstance(data, Records):
            return replace(self, chunk=replace(self.chunk, data=data.without_columns(dropped)))
        results = [faults.get(index, result) for index, result in enumerate(self.results)]
        return replace(self, chunk=replace(self.chunk, data=data.without_columns(dropped, faults)), results=results)

    def columns(self, names: dict[str, str]) -> dict[str, Iterable[Any]]:
        """Return the added columns by their names in the output.

        Args:
            names: The name in the output of each wanted column, as `ScoreOptions.added_columns` gives them.

        Returns:
            One value per row, None where there is none. The nested columns are generators, because the values of a
            whole chunk would take hundreds of megabytes.
        """
        readings = [None if isinstance(result, str) else result for result in self.results]
        positive = [None if one is None else one.positive for one in readings]
        columns: dict[str, Iterable[Any]] = {
            "label": [None if one is None else one.label for one in readings],
            "score": [None if one is None else one.score for one in readings],
            "positive": positive,
            **{name: _probabilities(readings, name) for name in PROBABILITIES if name in names},
            "tokens_total": [None if one is None else one.encoding.tokens_total for one in readings],
            "unknown_tokens": [None if one is None else one.encoding.unknown_tokens for one in readings],
            "truncated": [None if one is None else one.encoding.truncated for one in readings],
            "uncertain": [None if one is None else one.uncertain for one in readings],
            "error": [result if isinstance(result, str) else None for result in self.results],
            TIMESTEPS: _timesteps(readings),
            SENTENCES: _sentences(readings),
        }
        return {written: columns[name] for name, written in names.items()}


def _probabilities(readings: Sequence[Reading | None], name: str) -> list[float | None]:
    """Return the values of one of the `PROBABILITIES`."""
    field = name.removeprefix("probability_")
    return [None if one is None else getattr(one.probabilities, field) for one in readings]


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
    """

    predictor: Predictor
    column: str
    truncation: Truncation | None = None
    max_characters: int = MAX_CHARACTERS
    strict: bool = False
    spans: bool = False
    neutral: bool = False

    def score(self, chunk: Chunk) -> ScoredChunk:
        """Score the rows of a chunk.

        Raises:
            DataFileError: The rows lack the column, as those of a later file may; only JSON objects are allowed to. Or
                a row cannot be scored and the scorer is strict.
        """
        return self._score(
            chunk,
            lambda texts: self.predictor.read_each(
                texts, truncation=self.truncation, spans=self.spans, neutral=self.neutral
            ),
        )

    def check(self, chunk: Chunk) -> ScoredChunk:
        """Find the rows of a chunk that cannot be scored; the result of the others is `UNSCORED`.

        Raises:
            DataFileError: The rows lack the column.
        """
        return self._score(chunk, lambda texts: list(map(self._tokenize, texts)))

    def _tokenize(self, text: str) -> str | InputError:
        try:
            self.predictor.tokenizer.encode(text, truncation=self.truncation, spans=False)
        except InputError as error:
            return error
        return UNSCORED

    def _score(
        self, chunk: Chunk, read_each: Callable[[Sequence[str]], Sequence[Reading | str | InputError]]
    ) -> ScoredChunk:
        is_json = isinstance(chunk.data, Records) and chunk.data.sources is not None
        if not is_json and not chunk.data.has_column(self.column):
            raise missing_text_column(chunk.file, chunk.data.names, self.column)
        chunk = chunk.with_raw_rows(self.column)
        texts = [_decode(text) for text in chunk.data.column(self.column)]
        results: list[Reading | str] = [self._fault(text) or "" for text in texts]
        for index, fault in chunk.faults.items():
            results[index] = fault
        readable = [index for index, fault in enumerate(results) if not fault]
        readings = read_each([texts[index] for index in readable])
        for index, reading in zip(readable, readings, strict=True):
            results[index] = reading.code if isinstance(reading, InputError) else reading
        if self.strict:
            for index, result in enumerate(results):
                if isinstance(result, str):
                    raise BadRowError(
                        f"{chunk.place(index)}: {result}: {FAULTS[result]}; without --strict the row is kept with "
                        "its error",
                        field=self.column,
                    )
        warnings = list(_warnings(chunk, self.column))
        if self.strict and warnings:
            code, place = warnings[0]
            raise DataFileError(
                f"{place}: {code}: {WARNINGS[code]}; without --strict the row is kept", field=self.column
            )
        return ScoredChunk(chunk, results, warnings)

    def _fault(self, text: object) -> str | None:
        if text is None:
            return "missing_text"
        if not isinstance(text, str):
            return "invalid_type"
        if len(text) > self.max_characters:
            return "too_many_characters"
        # the readers decode bytes that do not fit the encoding to lone surrogates
        return "undecodable_text" if has_lone_surrogates(text) else None


def _decode(text: Any) -> Any:
    """Return bytes, as which Impala, Hive and old Spark store strings in Parquet, as text; other values as they are."""
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text


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
