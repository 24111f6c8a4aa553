"""Scoring of chunks: the columns that are added, and the error codes of rows that cannot be scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sentiline.code_points import has_lone_surrogates
from sentiline.errors import DataFileError, InputError, OptionError
from sentiline.predictor import Predictor
from sentiline.reading import Reading
from sentiline.scoring.chunk import Chunk, Records
from sentiline.tokenizer import Truncation

COLUMNS = ("label", "score", "positive", "tokens_total", "unknown_tokens", "truncated", "uncertain", "error")
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
    "line_too_long": "a line of more than 8,388,608 characters, which is not carried through; shorten it",
    "text_too_long": "more tokens than the model reads, under --truncation error",
}


@dataclass(frozen=True, slots=True, eq=False)
class ScoredChunk:
    """A chunk with the model's results.

    Attributes:
        chunk: The rows.
        results: The reading of each row, or its error code.
    """

    chunk: Chunk
    results: Sequence[Reading | str]

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
            "score": [None if one is None else max(one, 1.0 - one) for one in positive],
            "positive": positive,
            "tokens_total": [None if one is None else one.encoding.tokens_total for one in readings],
            "unknown_tokens": [None if one is None else one.encoding.unknown_tokens for one in readings],
            "truncated": [None if one is None else one.encoding.truncated for one in readings],
            "uncertain": [None if one is None else one.uncertain for one in readings],
            "error": [result if isinstance(result, str) else None for result in self.results],
            TIMESTEPS: _timesteps(readings),
            SENTENCES: _sentences(readings),
        }
        return {written: columns[name] for name, written in names.items()}


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
    """

    predictor: Predictor
    column: str
    truncation: Truncation | None = None
    max_characters: int = MAX_CHARACTERS
    strict: bool = False
    spans: bool = False

    def score(self, chunk: Chunk) -> ScoredChunk:
        """Score the rows of a chunk.

        Raises:
            DataFileError: The rows lack the column, as those of a later file may; only JSON objects are allowed to. Or
                a row cannot be scored and the scorer is strict.
        """
        is_json = isinstance(chunk.data, Records) and chunk.data.sources is not None
        if self.column not in chunk.data.names and not is_json:
            listed = ", ".join(map(repr, chunk.data.names)) or "none"
            raise DataFileError(
                f"{chunk.file} has no column {self.column!r}, where the first file has the texts; its columns: "
                f"{listed}; rename one, or score the files one by one",
                field="text_column",
            )
        texts = [_decode(text) for text in chunk.data.column(self.column)]
        results: list[Reading | str] = [self._fault(text) or "" for text in texts]
        for index, fault in chunk.faults.items():
            results[index] = fault
        readable = [index for index, fault in enumerate(results) if not fault]
        readings = self.predictor.read_each(
            [texts[index] for index in readable], truncation=self.truncation, spans=self.spans
        )
        for index, reading in zip(readable, readings, strict=True):
            results[index] = reading.code if isinstance(reading, InputError) else reading
        if self.strict:
            for index, result in enumerate(results):
                if isinstance(result, str):
                    raise DataFileError(
                        f"{chunk.place(index)}: {result}: {FAULTS[result]}; without --strict the row is kept with "
                        "its error",
                        field=self.column,
                    )
        return ScoredChunk(chunk, results)

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


def check_name_clash(chunk: Chunk, names: dict[str, str]) -> None:
    """Check that no added column has the name of a column of the input.

    Args:
        chunk: Rows of the input.
        names: The names of the added columns, as `ScoreOptions.added_columns` gives them.

    Raises:
        OptionError: Two columns would share a name.
    """
    clashing = [name for name in names.values() if name in chunk.data.names]
    if clashing:
        raise OptionError(
            f"{chunk.file} has a column {clashing[0]!r} already; give the added columns another name, for example "
            "with --prefix sentiment_",
            field="--prefix",
        )
