"""Files to read: found from paths, folders, globs, URLs and `-`, opened and decompressed; knows nothing of rows."""

from __future__ import annotations

import glob
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any

from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.io.formats import (
    ENDINGS,
    KINDS,
    Format,
    Kind,
    check_delimiter,
    check_quoting,
    ending_of,
    format_of,
    kind_of,
)
from sentiline.scoring.io.hive import Partition, is_partition, partitions_of
from sentiline.scoring.io.storage import Location
from sentiline.scoring.io.text_stream import beginning, standard_input
from sentiline.scoring.resume.partial_output import SUFFIX

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input.

    Attributes:
        name: as messages call it.
        location: None for standard input.
        format: how it is written; a text file's compression is told by its content.
        size: bytes; 0 for standard input.
        modified: time of its last change, in ns; 0 for standard input.
        partitions: columns that the names of its folders keep.
        row_groups: of Parquet the ones to read, which follow one another; None for all.
        once: whether it can be read only once, as standard input and pipes.
    """

    name: str
    location: Location | None
    format: Format
    size: int = 0
    modified: int = 0
    partitions: Mapping[str, Partition] = field(default_factory=dict)
    row_groups: range | None = None
    once: bool = False


def find_sources(
    inputs: Sequence[str],
    forced: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quoting: str = "csv",
    *,
    output: Location | None = None,
) -> list[Source]:
    """Find the files that inputs name.

    Args:
        inputs: paths or URLs of files or folders, globs, or `-`. Of a folder all files below it with a known ending
            are taken, in order of their paths; hidden ones are not. Of a folder or glob, names of folders keep columns,
            from the folder on (of a glob, from the one before its first wildcard), or from as many folders right above
            it as keep columns too; of a file, none do.
        forced: a format that wins over endings and content.
        encoding: of text files, where their content must tell the format.
        delimiter: between the columns of the files, which are CSV or TSV then; default a comma, and a tab for TSV.
        quoting: "none" where double quotes are text in the files, which are CSV or TSV then.
        output: where a run writes: folders and globs do not stand for it.

    Raises:
        DataFileError: nothing there, or a file that cannot be read.
        OptionError: a format is unknown, or nothing tells it, or it has no delimiter or quotes and these are given.
    """
    separator, quotes = check_delimiter(delimiter), check_quoting(quoting)
    sources: list[Source] = []
    paths: list[str] = []
    for name in inputs:
        if name == STDIN:
            sources.append(_standard_input(forced, encoding, separator))
            paths.append("")
            continue
        if not name:  # as a path it would be the current folder
            raise DataFileError("an input has an empty name; name a file, or . for this folder", field="input")
        location = Location.parse(name)
        found = list(_expand(location, forced, output))
        if not found:
            status = _status(location)
            hint = f"no file with a known ending ({', '.join(ENDINGS)})" if status else "nothing of that name"
            raise DataFileError(f"{location}: {hint} is there", field="input")
        sources += [_source(one, forced, encoding, separator) for one in found]
        root = _root(location)
        paths += ["" if root is None else str(PurePath(*_parts(one, one.path)[root:])) for one in found]
    places = [source.location.identity if source.location else STDIN for source in sources]
    if len(set(places)) < len(places):
        raise DataFileError("a file is named twice among the inputs; its rows would be doubled", field="input")
    columns = partitions_of(paths)
    sources = [replace(source, partitions=values) for source, values in zip(sources, columns, strict=True)]
    for option in ("--delimiter",) * (separator is not None) + ("--quoting",) * (not quotes):
        _check_tables(sources, option)
    return [replace(source, format=replace(source.format, separator=separator, quotes=quotes)) for source in sources]


def _check_tables(sources: Sequence[Source], option: str) -> None:
    for source in sources:
        if source.format.kind not in ("csv", "tsv"):
            raise OptionError(
                f"{option} is for CSV and TSV, and {source.name} is read as {source.format.kind}; leave it out, or add "
                "--format csv",
                field=option,
            )


def _expand(location: Location, forced: str | None, output: Location | None) -> Iterator[Location]:
    status = _status(location)
    if status and not status.folder:
        yield location
        return
    try:
        if status:
            found = [one for one in location.below(_is_hidden) if forced or ending_of(one.path)]
        else:
            found = location.matches(_is_workspace) if glob.has_magic(location.path) else []
    except OSError as error:
        raise DataFileError(
            f"{error.filename or location} cannot be read: {error.strerror or error}", field="input"
        ) from None
    for one in found:
        if output is None or one.identity != output.identity:
            yield one


def _root(named: Location) -> int | None:
    """How many parts of a file's path lie above the data set that a name stands for; None if it stands for a file."""
    path = PurePath(named.path)
    status = _status(named)
    if status and not status.folder:
        return None
    if not status:
        path = PurePath(*takewhile(lambda part: not glob.has_magic(part), path.parts))
    parts = _parts(named, str(path))
    depth = len(parts)
    while depth and is_partition(parts[depth - 1]):
        depth -= 1
    return depth


def _parts(location: Location, path: str) -> tuple[str, ...]:
    """The parts of a path, the same however it is typed."""
    return PurePath(os.path.abspath(path) if location.local else path).parts  # noqa: PTH100, it keeps links


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or _is_workspace(part) or (part.startswith("_") and not is_partition(part))


def _is_workspace(part: str) -> bool:
    return part.endswith(SUFFIX)


def _status(location: Location) -> Any:
    try:
        return location.status()
    except OSError as error:
        raise DataFileError(f"{location} cannot be read: {error.strerror or error}", field="input") from None


def _source(location: Location, forced: str | None, encoding: str, separator: str | None) -> Source:
    status = _status(location)
    try:
        if location.local and not os.access(location.path, os.R_OK):
            raise PermissionError(13, "Permission denied")
        if status is None:
            raise FileNotFoundError(2, "it was there a moment ago")
        pipe = location.local and not Path(location.path).is_file()
        if pipe and not (forced or ending_of(location.path)):  # to look at its content would be to take it away
            raise OptionError(
                f"{location} is a pipe or device, which is read once: name its format with --format {'|'.join(KINDS)}",
                field="--format",
            )
        if forced or ending_of(location.path):
            format = format_of(location.path, forced)
        else:
            with location.open() as raw:
                format = Format(_told_by_content(location.name, raw, encoding, separator))
    except (OSError, EOFError, zlib.error) as error:
        raise DataFileError(
            f"{location} cannot be read: {getattr(error, 'strerror', None) or error}", field="input"
        ) from None
    if pipe and format.kind == "parquet":
        raise OptionError(f"Parquet cannot be read from {location}, a pipe; save it to a file", field="--format")
    return Source(location.name, location, format, status.size, status.modified, once=pipe)


def _standard_input(forced: str | None, encoding: str, separator: str | None) -> Source:
    kind = next((one for one in KINDS if one == forced), None)
    if kind is None:
        format = format_of(STDIN, forced) if forced else None
        kind = format.kind if format else _told_by_content("standard input", standard_input(), encoding, separator)
    if kind == "parquet":
        raise OptionError("Parquet cannot be read from standard input; save it to a file", field="--format")
    return Source("standard input", None, Format(kind), once=True)


def _told_by_content(name: str, raw: Any, encoding: str, separator: str | None) -> Kind:
    """Tell a format by the beginning of an open file; with a separator it is CSV."""
    head, text = beginning(name, raw, encoding)
    kind = "parquet" if head.startswith(b"PAR1") else kind_of(text) or ("csv" if separator else None)
    if kind is None:
        raise OptionError(
            f"{name}: neither its ending nor its content tells the format; name it with --format {'|'.join(KINDS)}",
            field="--format",
        )
    return kind
