"""The columns that scoring adds to a chunk, and the faults of rows that have none; knows neither files nor formats."""

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

FAULTS = {
    "missing_text": "no text: the column is null or absent",
    "empty_text": "no word in the text",
    "invalid_type": "not a string",
    "undecodable_text": "bytes that are not of the encoding; see --encoding",
    "too_many_characters": "longer than --max-characters",
    "line_too_long": "a line of more than 8,388,608 characters, which is not carried; shorten it",
    "text_too_long": "more tokens than the model reads, under --truncation error",
}
"""What the column `error` may say, and what it means."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A chunk with what the model read.

    Attributes:
        chunk: the rows.
        results: of each row its reading, or the name of its fault.
    """

    chunk: Chunk
    results: Sequence[Reading | str]

    def columns(self, names: dict[str, str]) -> dict[str, Iterable[Any]]:
        """The added columns by their names in the output.

        Args:
            names: of `COLUMNS`, and of those of `NESTED` that are wanted, their names in the output.

        Returns:
            One value for each row; None where it has none. Nested ones are made one by one as they are asked for: all
            at once they would take much memory.
        """
        readings = [None if isinstance(one, str) else one for one in self.results]
        positive = [None if one is None else one.positive for one in readings]
        columns: dict[str, Iterable[Any]] = {
            "label": [None if one is None else one.label for one in readings],
            "score": [None if one is None else max(one, 1.0 - one) for one in positive],
            "positive": positive,
            "tokens_total": [None if one is None else one.encoding.tokens_total for one in readings],
            "unknown_tokens": [None if one is None else one.encoding.unknown_tokens for one in readings],
            "truncated": [None if one is None else one.encoding.truncated for one in readings],
            "uncertain": [None if one is None else one.uncertain for one in readings],
            "error": [one if isinstance(one, str) else None for one in self.results],
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
class Scorer:
    """Scores chunks.

    Attributes:
        predictor: the model.
        column: name of the column with the texts.
        truncation: what to do with long texts; None is the model's own policy.
        max_characters: a longer text is a fault.
        strict: whether a fault raises.
        spans: whether rows are to have timesteps or sentences, which need those of the tokens.
    """

    predictor: Predictor
    column: str
    truncation: Truncation | None = None
    max_characters: int = MAX_CHARACTERS
    strict: bool = False
    spans: bool = False

    def score(self, chunk: Chunk) -> Scored:
        """Score the rows of a chunk.

        Raises:
            DataFileError: the rows are those of a table and lack the column, as another file's may; or a row has a
                fault, and the scorer is strict; names its line.
        """
        json = isinstance(chunk.data, Records) and chunk.data.sources is not None  # objects may lack a key
        if self.column not in chunk.data.names and not json:
            listed = ", ".join(map(repr, chunk.data.names)) or "none"
            raise DataFileError(
                f"{chunk.file} has no column {self.column!r}, where the first file has the texts; its columns: "
                f"{listed}; rename one, or score the files one by one",
                field="text_column",
            )
        texts = chunk.data.column(self.column)
        results: list[Reading | str] = [self._fault(text) or "" for text in texts]
        for index, fault in chunk.faults.items():
            results[index] = fault
        sound = [index for index, fault in enumerate(results) if not fault]
        readings = self.predictor.read_each(
            [texts[index] for index in sound], truncation=self.truncation, spans=self.spans
        )
        for index, reading in zip(sound, readings, strict=True):
            results[index] = reading.code if isinstance(reading, InputError) else reading
        if self.strict:
            for index, result in enumerate(results):
                if isinstance(result, str):
                    raise DataFileError(
                        f"{chunk.place(index)}: {result}: {FAULTS[result]}; without --strict the row is kept with "
                        "its error",
                        field=self.column,
                    )
        return Scored(chunk, results)

    def _fault(self, text: object) -> str | None:
        if text is None:
            return "missing_text"
        if not isinstance(text, str):
            return "invalid_type"
        if len(text) > self.max_characters:
            return "too_many_characters"
        return "undecodable_text" if has_lone_surrogates(text) else None


def output_names(prefix: str, *, timesteps: bool = False, sentences: bool = False) -> dict[str, str]:
    """Names in the output of the columns that are added."""
    nested = [name for name, wanted in zip(NESTED, (timesteps, sentences), strict=True) if wanted]
    return {name: prefix + name for name in (*COLUMNS, *nested)}


def check_clash(chunk: Chunk, names: dict[str, str]) -> None:
    """Raise unless the added columns have names that the rows do not have yet.

    Raises:
        OptionError: they have one of them.
    """
    clashing = [name for name in names.values() if name in chunk.data.names]
    if clashing:
        raise OptionError(
            f"{chunk.file} has a column {clashing[0]!r} already; give the added columns another name, for example "
            "with --prefix sentiment_",
            field="--prefix",
        )
