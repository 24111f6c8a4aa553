"""Discovery of input files from paths, folders, globs, URLs and `-`."""

from __future__ import annotations

import glob
import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any

from sentiline.errors import DataFileError, DataFileWarning, OptionError
from sentiline.scoring.io.content_check import check_separators, describe_signature
from sentiline.scoring.io.dialect import Dialect, separator_line
from sentiline.scoring.io.formats import (
    EXTENSIONS,
    KINDS,
    Format,
    Kind,
    check_delimiter,
    check_quoting,
    detect_kind,
    format_from_name,
    known_extension,
)
from sentiline.scoring.io.hive import is_partition_folder, parse_partitions
from sentiline.scoring.io.object_location import parse_location
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.storage import FileStatus, Location, is_broken_link
from sentiline.scoring.io.text_stream import READ_ERRORS, peek_text, stdin_bytes, unreadable, zip_members
from sentiline.scoring.resume.partial_output import SUFFIX

STDIN = "-"
# Tables whose log says which of their files count: the name, the folder of the log, and a part of its files' names.
_TABLE_LOGS = (("a Delta", "_delta_log", ""), ("an Iceberg", "metadata", ".metadata.json"), ("a Hudi", ".hoodie", ""))

_NAMED = 5  # files left out that are named
_LOGGER = logging.getLogger(__name__)


def find_sources(
    inputs: Sequence[str],
    forced: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quoting: str = "csv",
    *,
    dialect: Dialect | None = None,
    output: Location | None = None,
) -> list[Source]:
    """Find the files that inputs name. Pass each one to `sentiline.scoring.io.reader.read_chunks` to read its rows.

    A folder stands for all files below it with a known extension, in the order of their paths, without hidden ones.
    Folders and globs stand for data sets, in which the names of folders such as `year=2024` encode columns: from the
    folder on (for a glob, from the folder before its first wildcard), together with the partition folders right above.
    A single file has no such columns.

    Args:
        inputs: The paths or URLs of files or folders, globs, or `-` for standard input.
        forced: The format of all files, whatever their extensions and contents; None to detect it.
        encoding: The encoding of text files, for files whose format is detected from their content.
        delimiter: The character between the columns, which only CSV and TSV have; None for a comma or a tab.
        quoting: "csv" if double quotes enclose fields, "none" if they are part of the text of CSV or TSV.
        dialect: The dialect of CSV and TSV; None for the usual one.
        output: The output of the run, which folders and globs leave out.

    Returns:
        The files in the order of the inputs.

    Raises:
        DataFileError: There is no such file, or it cannot be read.
        OptionError: A format is unknown or cannot be detected, or has no delimiter or quotes although one is given.
    """
    separator, quotes, dialect = check_delimiter(delimiter), check_quoting(quoting), dialect or Dialect()
    sources: list[Source] = []
    paths: list[str] = []
    for name in inputs:
        if name == STDIN:
            sources.append(_stdin_source(forced, encoding, separator, dialect))
            paths.append("")
            continue
        if not name:  # as a path it would be the current folder
            raise DataFileError("an input has an empty name; name a file, or . for this folder", field="input")
        location = parse_location(name)
        found = _without_links_to_each_other(_expand(location, forced, output))
        if not found:
            missing = f"file with a known extension ({', '.join(EXTENSIONS)})" if _status(location) else "such file"
            raise DataFileError(f"{location}: there is no {missing}{_bracket_hint(location)}", field="input")
        sources += [_file_source(one, forced, encoding, separator, dialect) for one in found]
        root = _root(location)
        if root is not None:
            _warn_of_table_logs(location, root, found)
        paths += ["" if root is None else str(PurePath(*_parts(one, one.path)[root:])) for one in found]
    seen: dict[str, Source] = {}
    for source in sources:
        twin = seen.setdefault(source.location.identity if source.location else STDIN, source)
        if twin is not source:
            raise DataFileError(
                f"a file is named twice among the inputs, as {twin.name} and as {source.name}; its rows would be "
                "doubled: leave one out",
                field="input",
            )
    given = {"--delimiter": separator is not None, "--quoting": not quotes}
    for option in (*filter(given.get, given), *dialect.given_options()):
        _check_tables(sources, option)
    sources = [
        replace(
            source,
            partitions=columns,
            format=replace(source.format, separator=separator, quotes=quotes, dialect=dialect),
            one_of_several=len(sources) > 1,
        )
        for source, columns in zip(sources, parse_partitions(paths), strict=True)
    ]
    return _without_empty_files(sources)


def _without_empty_files(sources: list[Source]) -> list[Source]:
    """Return the sources without files of no bytes, which some writers leave, unless there are no others."""
    kept = [source for source in sources if source.size or source.once]
    if kept:
        for source in sources:
            if not source.size and not source.once:
                _LOGGER.warning("%s is empty and left out", source.name)
    return kept or sources


def _check_tables(sources: Sequence[Source], option: str) -> None:
    for source in sources:
        if source.format.kind not in ("csv", "tsv"):
            raise OptionError(
                f"{option} is for CSV and TSV, and {source.name} is read as {source.format.kind}; leave it out, or add "
                "--format csv",
                field=option,
            )


def _expand(location: Location, forced: str | None, output: Location | None) -> Iterator[Location]:
    """Yield the files that a name stands for."""
    _check_link(location)
    status = _status(location)
    if status and not status.folder:
        yield location
        return
    unknown: list[Location] = []
    facts: list[Location] = []
    try:
        if status:
            found: list[Location] = []
            for one in location.list_files(_is_hidden):
                (found if forced or known_extension(one.path) or _may_be_folder(one) else unknown).append(one)
            # Beside files of other formats, those of JSON hold facts about the data set.
            others = [one for one in found if known_extension(one.path) != ".json"]
            if others and not forced:
                facts = [one for one in found if known_extension(one.path) == ".json"]
                found = others
        else:
            found = location.glob(_is_partial_output) if glob.has_magic(location.path) else []
    except OSError as error:
        raise DataFileError(
            f"{error.filename or location} cannot be read: {error.strerror or error}", field="input"
        ) from None
    _report_left_out(location, unknown, "unknown extensions; name such files themselves, or add --format")
    _report_left_out(location, facts, "JSON beside files of other formats; name them themselves if they hold rows")
    special: list[Location] = []
    for one in found:
        _check_link(one)
        if one.local and not Path(one.path).is_file():
            special.append(one)
        elif output is None or one.identity != output.identity:
            yield one
    _report_left_out(location, [one for one in special if not _is_covered(one, found)], "not regular files")


def _check_link(location: Location) -> None:
    """Raise if a path is a link that leads nowhere: somebody expects rows there."""
    path = Path(location.path)
    if location.local and is_broken_link(path):
        raise DataFileError(
            f"{location} is a link to {path.readlink()}, which cannot be reached; repair or remove it", field="input"
        )


def _may_be_folder(location: Location) -> bool:
    """Return whether a path is a broken link that may stand for a folder of rows."""
    path = Path(location.path)
    return location.local and not path.suffix and is_broken_link(path)


def _is_covered(location: Location, found: Sequence[Location]) -> bool:
    """Return whether a path that a glob matches is a folder from which nothing is missing."""
    below = location.path.rstrip("/") + "/"
    return _is_partial_output(PurePath(location.path).name) or any(one.path.startswith(below) for one in found)


def _report_left_out(location: Location, left_out: Sequence[Location], reason: str) -> None:
    """Log what a folder or glob does not stand for, so that no rows are missing unnoticed."""
    if left_out:
        names = ", ".join(one.name for one in left_out[:_NAMED]) + (", …" if len(left_out) > _NAMED else "")
        _LOGGER.warning("%s left out of %s: %s (%s)", f"{len(left_out):,}", location, names, reason)


def _without_links_to_each_other(found: Iterable[Location]) -> list[Location]:
    """Return the locations without links to files that are among them, or to which an earlier link leads."""
    places = list(found)
    links = [one.local and Path(one.path).is_symlink() for one in places]
    kept: dict[str, int] = {}
    for index in sorted(range(len(places)), key=links.__getitem__):
        kept.setdefault(places[index].identity, index)
    return [places[index] for index in sorted(kept.values())]


def _bracket_hint(location: Location) -> str:
    """Return the advice for a glob whose brackets are meant to be part of a name."""
    escaped = location.path.replace("[", "[[]")
    literal = replace(location, path=escaped)
    if "[" not in location.path or not literal.glob(_is_partial_output):
        return ""
    return f"; brackets are wildcards in a glob, and [[] stands for an opening one: {escaped}"


def _warn_of_table_logs(named: Location, depth: int, found: Iterable[Location]) -> None:
    """Warn if files are those of a table whose log says which of them count."""
    folders = {PurePath(*_parts(named, named.path)[:depth])}
    if named.local:
        folders |= {
            PurePath(*parts[:end])
            for parts in {_parts(one, one.path)[:-1] for one in found}
            for end in range(depth + 1, len(parts) + 1)
        }
    for folder in sorted(folders):
        place = Location(str(folder), str(folder)) if named.local else replace(named, path=str(folder))
        for table, log, part in _TABLE_LOGS:
            place_of_log = place.child(log)
            status = _status(place_of_log)
            if status and status.folder and any(part in one.path for one in place_of_log.list_files()):
                warnings.warn(
                    f"{folder} is {table} table, whose log in {log} is not read: files that the log has removed or "
                    "replaced are scored as well; export the table, or name the files that count",
                    DataFileWarning,
                    stacklevel=3,
                )


def _root(named: Location) -> int | None:
    """Return the number of path parts above the data set that a name stands for; None if it stands for a file."""
    path = PurePath(named.path)
    status = _status(named)
    if status and not status.folder:
        return None
    if not status:
        path = PurePath(*takewhile(lambda part: not glob.has_magic(part), path.parts))
    parts = _parts(named, str(path))
    depth = len(parts)
    while depth and is_partition_folder(parts[depth - 1]):
        depth -= 1
    return depth


def _parts(location: Location, path: str) -> tuple[str, ...]:
    """Return the parts of a path, independent of the current folder."""
    return PurePath(os.path.abspath(path) if location.local else path).parts  # noqa: PTH100, resolve() follows links


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or _is_partial_output(part) or (part.startswith("_") and not is_partition_folder(part))


def _is_partial_output(part: str) -> bool:
    return part.endswith(SUFFIX)


def _status(location: Location) -> FileStatus | None:
    try:
        return location.status()
    except OSError as error:
        raise DataFileError(f"{location} cannot be read: {error.strerror or error}", field="input") from None


def _file_source(
    location: Location, forced: str | None, encoding: str, separator: str | None, dialect: Dialect
) -> Source:
    status = _status(location)
    try:
        if location.local and not os.access(location.path, os.R_OK):
            raise PermissionError(13, "Permission denied")
        if status is None:
            raise FileNotFoundError(2, "it existed a moment ago")
        pipe = location.local and not Path(location.path).is_file()
        if forced or known_extension(location.path):
            format = format_from_name(location.path, forced)
        elif pipe:  # to look at its content would consume it
            raise OptionError(
                f"{location} is a pipe or device, which is read once: name its format with --format {'|'.join(KINDS)}",
                field="--format",
            )
        else:
            with location.open() as raw:
                member = []
                if raw.peek(4).startswith(b"PK\x03\x04"):  # type: ignore[attr-defined]
                    member = zip_members(raw, location.name)
                    raw.seek(0)
                if len(member) == 1 and known_extension(member[0]):
                    forced = format_from_name(member[0]).kind
                    if forced == "parquet":
                        raise OptionError(f"{location} is a ZIP archive of Parquet; unpack it", field="--format")
                format = Format(forced or _detect(location.name, raw, encoding, separator, dialect))
    except READ_ERRORS as error:
        raise unreadable(location.name, error) from None
    if pipe and format.kind == "parquet":
        raise OptionError(f"Parquet cannot be read from {location}, a pipe; save it to a file", field="--format")
    return Source(location.name, location, format, status.size, status.modified, once=pipe)


def _stdin_source(forced: str | None, encoding: str, separator: str | None, dialect: Dialect) -> Source:
    if forced:
        kind = format_from_name(STDIN, forced).kind
    else:
        kind = _detect("standard input", stdin_bytes(), encoding, separator, dialect)
    if kind == "parquet":
        raise OptionError("Parquet cannot be read from standard input; save it to a file", field="--format")
    return Source("standard input", None, Format(kind), once=True)


def _detect(name: str, raw: Any, encoding: str, separator: str | None, dialect: Dialect) -> Kind:
    """Detect a format from the beginning of an open file; with options for CSV it is CSV if nothing else fits."""
    head, text = peek_text(name, raw, encoding)
    if not text.strip() and not head.startswith(b"PAR1"):
        raise DataFileError(f"{name} is empty" + " but for blanks" * bool(text), field="input")
    lines = text.splitlines(keepends=True)[dialect.skip_lines :]
    is_csv = separator or dialect.given_options() or (lines and separator_line(lines[0]))
    fallback: Kind | None = ("tsv" if not separator and "\t" in lines[0] else "csv") if is_csv and lines else None
    if head.startswith(b"PAR1") and not raw.peek(4).startswith(b"PAR1"):
        raise OptionError(f"{name} is compressed Parquet; unpack it", field="--format")
    kind = "parquet" if head.startswith(b"PAR1") else detect_kind("".join(lines)) or fallback
    if kind is None:
        if found := describe_signature(head):
            raise DataFileError(f"{name} is {found}", field="input")
        if "\0" not in text:
            check_separators(name, text)
        raise OptionError(
            f"{name}: neither its extension nor its content tells the format; name it with --format {'|'.join(KINDS)}",
            field="--format",
        )
    return kind
