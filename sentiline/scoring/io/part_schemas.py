"""The schema that the Parquet files of a data set have in common. Import this module only where pyarrow is installed.

Writers give the parts of one data set types that differ in nothing that matters: pandas writes a column without values
as null, and whole numbers as floating-point ones where one is missing; old and new releases write `string` and
`large_string`. The footers tell this before the first row is scored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from sentiline.errors import DataFileError
from sentiline.scoring.arrow_types import common_type, widen_dictionaries
from sentiline.scoring.batch import struct_path
from sentiline.scoring.chunk import check_names, missing_text_column
from sentiline.scoring.io.formats import Kind
from sentiline.scoring.io.int96 import find_int96_unit, open_parquet
from sentiline.scoring.io.parquet_reader import not_parquet
from sentiline.scoring.io.source import Source

_FOOTERS = 16  # footers read at the same time
_NAMED = 5  # files that a message names
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Part:
    """A Parquet file.

    Attributes:
        source: The file, with the unit of its timestamps.
        schema: Its columns, those in the names of its folders included.
        rows: The number of its rows.
        nulls: The names of the columns that hold nothing but nulls, as far as the footer tells.
    """

    source: Source
    schema: Any
    rows: int
    nulls: Container[str]


@dataclass(frozen=True, slots=True)
class _CommonType:
    """The type of a column that the files read so far have in common.

    Attributes:
        data_type: The type; null if no file has a value.
        own: The type that the column has for such files.
        file: The name of the file that determined the type.
    """

    data_type: Any
    own: Any
    file: str


def unify_part_schemas(
    sources: Sequence[Source],
    to: Kind,
    dropped_columns: Callable[[Iterable[str]], Container[str]],
    problems: list[str] | None = None,
) -> list[Source]:
    """Settle how the Parquet files among some sources are read, so that they have the same columns.

    A column that a file lacks is null there. In Parquet outputs a column has one type, into which the types of all
    files can be widened without loss; in other outputs every value is written as it is. Files without rows do not
    matter.

    Args:
        sources: The input files of a run.
        to: The format of its output.
        dropped_columns: Returns those of some columns that are not written, whose types do not matter.
        problems: Takes the errors of single files, which are then left out; None to raise the first one.

    Returns:
        The sources in the same order; the Parquet files have `Source.own_schema` and, unless they are read as they
        are, `Source.schema`.

    Raises:
        DataFileError: A file cannot be read, or the types of a column have nothing in common.
    """
    files = [source for source in sources if source.format.kind == "parquet"]
    if len(files) < 2:
        return list(sources)
    with ThreadPoolExecutor(_FOOTERS, "footer") as pool:
        footers = list(pool.map(_try_footer, files))
    failures = [footer for footer in footers if isinstance(footer, DataFileError)]
    parts = [footer for footer in footers if isinstance(footer, _Part)]
    names = dict.fromkeys(name for part in parts if part.rows for name in part.schema.names)
    dropped = dropped_columns(names)
    types: dict[str, _CommonType] = {}
    for part in parts if to == "parquet" else ():
        error = _add_types(types, part, dropped)
        if error:
            failures.append(error)
            parts = [one for one in parts if one is not part]
    if failures and problems is None:
        raise failures[0]
    if problems is not None:
        problems += map(str, failures)
    filled = [part for part in parts if part.rows] or parts
    if to != "jsonl":
        _check_case(filled, dropped)
        _report_missing(filled, dropped)
    unified = {
        part.source.name: replace(
            part.source,
            own_schema=part.schema if part.rows else None,
            schema=None if to == "jsonl" and part.rows else _target(part, filled, types),
        )
        for part in parts
    }
    kept = (source if source.format.kind != "parquet" else unified.get(source.name) for source in sources)
    return [source for source in kept if source is not None]


def check_text_column(sources: Iterable[Source], column: str) -> None:
    """Raise if one of the Parquet files lacks the column with the texts, before the first row is scored.

    Raises:
        DataFileError: One does.
    """
    for source in sources:
        if source.own_schema is not None and struct_path(source.own_schema, column) is None:
            raise missing_text_column(source.name, source.own_schema.names, column)


def _try_footer(source: Source) -> _Part | DataFileError:
    try:
        return _read_footer(source)
    except DataFileError as error:
        return error


def _read_footer(source: Source) -> _Part:
    location = source.location
    assert location is not None  # Parquet is not read from standard input
    try:
        unit = source.int96_unit or find_int96_unit(source.name, location)
        with open_parquet(location, unit) as file:
            metadata, schema = file.metadata, file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise not_parquet(source.name, location, error) from None
    check_names(schema.names, source.name)
    nulls = {field.name for field in schema if not pa.types.is_nested(field.type)}
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            found = column.statistics
            if not found or not found.has_null_count or found.null_count < group.num_rows:
                nulls.discard(column.path_in_schema)
    fields = [field.with_type(widen_dictionaries(field.type)) for field in schema]
    for name, partition in source.partitions.items():
        if name not in schema.names:
            fields.append(pa.field(name, pa.int64() if partition.whole else pa.string()))
    return _Part(replace(source, int96_unit=unit), pa.schema(fields, schema.metadata), metadata.num_rows, nulls)


def _add_types(types: dict[str, _CommonType], part: _Part, dropped: Container[str]) -> DataFileError | None:
    """Widen the common types by those of a file; return the error if a column has nothing in common with them."""
    added: dict[str, _CommonType] = {}
    for field in part.schema if part.rows else ():
        if field.name in dropped:
            continue
        name, data_type = field.name, pa.null() if field.name in part.nulls else field.type
        known = types.get(name, _CommonType(data_type, field.type, part.source.name))
        common = common_type(known.data_type, data_type)
        if common is None:
            return DataFileError(
                f"{part.source.name}: column {name!r} is of type {data_type}, and of type {known.data_type} in "
                f"{known.file}; a column of a Parquet file has one type: convert one of them, write .jsonl or .csv, "
                "which carry every value as it is, or leave the column out with --drop",
                field="columns",
            )
        own = field.type if pa.types.is_null(known.own) else known.own
        added[name] = _CommonType(common, own, known.file if common == known.data_type else part.source.name)
    types |= added
    return None


def _target(part: _Part, filled: Sequence[_Part], types: Mapping[str, _CommonType]) -> Any:
    """Return the schema as which a file is read."""
    schemas = [one.schema for one in filled]
    fields = {}
    for field in (field for schema in schemas for field in schema):
        if field.name in fields:
            continue
        name = field.name
        data_type = part.schema.field(name).type if name in part.schema.names else pa.null()
        if name in types:
            data_type = types[name].own if pa.types.is_null(types[name].data_type) else types[name].data_type
        nullable = any(name not in schema.names or schema.field(name).nullable for schema in schemas)
        fields[name] = field.with_type(data_type).with_nullable(nullable)
    return pa.schema(list(fields.values()), schemas[0].metadata)


def _check_case(parts: Sequence[_Part], dropped: Container[str]) -> None:
    """Raise if two files have columns whose names differ only in case, which would become two half-empty columns."""
    seen: dict[str, str] = {}
    for name in (name for part in parts for name in part.schema.names if name not in dropped):
        twin = seen.setdefault(name.casefold(), name)
        if twin != name and not any({name, twin} <= set(part.schema.names) for part in parts):
            raise DataFileError(
                f"some files have a column {twin!r}, and others {name!r}; rename one of them, or leave one out with "
                "--drop",
                field="columns",
            )


def _report_missing(parts: Sequence[_Part], dropped: Container[str]) -> None:
    for name in dict.fromkeys(name for part in parts for name in part.schema.names if name not in dropped):
        lacking = [part.source.name for part in parts if name not in part.schema.names]
        if lacking:
            _LOGGER.warning(
                "column %r is missing in %s of %s Parquet files, and null there: %s",
                name,
                f"{len(lacking):,}",
                f"{len(parts):,}",
                ", ".join(lacking[:_NAMED]) + (", …" if len(lacking) > _NAMED else ""),
            )
