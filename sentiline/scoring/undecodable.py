"""Values of carried columns that no output can hold as they are: bytes that do not fit the encoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sentiline.code_points import has_lone_surrogates
from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.batch import Batch, column_values
from sentiline.scoring.chunk import Chunk, Records


def undecodable_columns(chunk: Chunk, text_column: str) -> dict[int, str]:
    """Find the rows with a value that is written with U+FFFD, because the readers decode such bytes to lone surrogates.

    Args:
        chunk: The rows.
        text_column: The name of the column with the texts, whose rows have an error code instead.

    Returns:
        The name of the first such column of each of these rows, by the row's index.
    """
    found: dict[int, str] = {}
    if isinstance(chunk.data, Records) and chunk.data.sources is not None and not _is_suspect(chunk.data.sources):
        return found
    for name in chunk.data.names:
        if name == text_column:
            continue
        for index, value in enumerate(_suspect_values(chunk.data, name)):
            if index not in found and any(map(has_lone_surrogates, _strings(value))):
                found[index] = name
    return found


def _is_suspect(sources: Sequence[str]) -> bool:
    """Return whether the source texts of JSON objects may hold lone surrogates, escaped or not."""
    text = "".join(sources)
    return r"\ud" in text or r"\uD" in text or has_lone_surrogates(text)


def _suspect_values(data: Records | Batch, name: str) -> Sequence[Any]:
    """Return the values of a column; none if a quick check of the whole column finds nothing."""
    if isinstance(data, Batch):
        column = data.batch.column(name)
        # Writers refuse nested text that is not UTF-8.
        if "string" not in str(column.type) or require_pyarrow("Parquet").types.is_nested(column.type):
            return ()
        try:
            column.validate(full=True)
        except require_pyarrow("Parquet").ArrowInvalid as error:
            return column_values(name, column) if "UTF8" in str(error) else ()
        return ()
    values = data.column(name)
    if data.sources is None and not has_lone_surrogates("".join([one for one in values if isinstance(one, str)])):
        return ()
    return [{name: value} for value in values] if has_lone_surrogates(name) else values


def _strings(value: object) -> Iterator[str]:
    """Yield all strings of a value, keys included."""
    match value:
        case str():
            yield value
        case dict():
            for key, one in value.items():
                yield key
                yield from _strings(one)
        case list():
            for one in value:
                yield from _strings(one)
