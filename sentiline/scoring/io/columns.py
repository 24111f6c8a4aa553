"""Helpers that the writers of all formats share: column checks, compression and clean text."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterable, Iterator, Sequence

from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.chunk import Chunk, Records, UnwritableRowsError
from sentiline.scoring.io.formats import Compression


def check_columns(chunk: Chunk, names: tuple[str, ...]) -> None:
    """Check that a chunk has the columns of the first one, which are those of the output.

    Args:
        chunk: The rows.
        names: The columns of the first chunk.

    Raises:
        UnwritableRowsError: The chunk has other columns.
    """
    new = [name for name in chunk.data.names if name not in names]
    is_json = isinstance(chunk.data, Records) and chunk.data.sources is not None
    if new and is_json:
        raise unexpected_columns(
            chunk,
            new,
            "that the rows before lack; the rows of a table have the same columns: leave it out with --drop, write "
            ".jsonl, or score files one by one",
        )
    missing = [] if is_json else set(names) - set(chunk.data.names)
    if new or missing:
        problem = f"has a column {new[0]!r} that the rows before lack" if new else f"lacks the column {min(missing)!r}"
        place = chunk.place(0) if len(chunk) else chunk.file
        raise UnwritableRowsError(
            f"{place}: {problem}; the rows of a table have the same columns: write .jsonl, or score files one by one",
            "unexpected_column",
            new,
        )


def unexpected_columns(chunk: Chunk, names: Sequence[str], problem: str) -> UnwritableRowsError:
    """Return the error for keys of JSON objects that the output cannot hold."""
    rows = [index for index, row in enumerate(chunk.data.rows) if any(name in row for name in names)]
    name = next(name for name in names if name in chunk.data.rows[rows[0]])
    message = f"{chunk.place(rows[0])}: has a column {name!r} {problem}"
    return UnwritableRowsError(message, "unexpected_column", names, rows)


def compress(pieces: Iterable[bytes], compression: Compression | None) -> Iterable[bytes]:
    """Compress a chunk piece by piece. The compressed chunks, concatenated, are a valid compressed file."""
    if compression == "gzip":
        return _gzip(pieces)
    if compression in ("bzip2", "xz"):
        return [(bz2.compress if compression == "bzip2" else lzma.compress)(b"".join(pieces))]
    return _zstd(pieces) if compression == "zstd" else pieces


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    stream = zlib.compressobj(6, zlib.DEFLATED, wbits=31)  # no timestamp: the same rows give the same bytes
    for piece in pieces:
        yield stream.compress(piece)
    yield stream.flush()


def _zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    pa = require_pyarrow("zstd")
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        for piece in pieces:
            stream.write(piece)
    yield sink.getvalue().to_pybytes()
