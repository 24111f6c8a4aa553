"""The reader of JSON arrays of objects, in bounded memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from sentiline.errors import DataFileError
from sentiline.scoring.chunk import Chunk
from sentiline.scoring.io.chunk_builder import LINE_LIMIT, ChunkBuilder
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.text_stream import TextStream

_PIECE = 64 * 1024  # characters read at once
_LITERAL = 12  # characters at the end of a piece that may be part of a word, number or escape
_BLANKS = re.compile(r"\s*")
_LINE_BREAK = re.compile(r"\s*[\r\n]\s*")  # in JSON, between values only
_ADVICE = "write one object per line, for example with jq -c '.[]' reviews.json > reviews.jsonl"


def read_json_array(
    source: Source, lines: TextStream, builder: ChunkBuilder, number: int, text: str
) -> Iterator[Chunk]:
    """Read the objects of a JSON array, each of which becomes a row.

    Args:
        source: The file.
        lines: The open file.
        builder: Collects the rows.
        number: The number of the line in which the array begins.
        text: What has been read of the file from that line on.

    Yields:
        The rows; the number of each is that of the line in which its object begins.

    Raises:
        DataFileError: The file is not an array of objects, or an object is too long.
    """
    decoder = json.JSONDecoder()
    names: dict[str, None] = {}
    at = text.index("[") + 1  # `number` is the line at this position
    first, ended = True, False
    while True:
        start = _BLANKS.match(text, at).end()  # type: ignore[union-attr]
        if text[start : start + 1] == "]":
            break
        if not first and text[start : start + 1] == ",":
            start = _BLANKS.match(text, start + 1).end()  # type: ignore[union-attr]
        elif not first and start < len(text):
            line = number + text.count("\n", at, start)
            raise _invalid(source, line, f"{text[start : start + 20]!r} after an object, where a comma should be")
        line = number + text.count("\n", at, start)
        if text[start : start + 1] not in ("{", ""):
            raise _invalid(source, line, f"{text[start : start + 20]!r} is not an object")
        try:
            row, end = decoder.raw_decode(text, start)
        except RecursionError as error:
            raise _invalid(source, line, str(error)) from None
        except json.JSONDecodeError as error:
            unfinished = error.msg.startswith("Unterminated string") or error.pos >= len(text.rstrip()) - _LITERAL
            if ended or not unfinished or len(text) - at >= LINE_LIMIT:
                long = f", or is longer than {LINE_LIMIT} characters" * (not ended and unfinished)
                raise _invalid(source, line, f"the object is incomplete or malformed ({error.msg}){long}") from None
            piece = lines.read(max(_PIECE, len(text) - at))
            text, at, ended = text[at:] + piece, 0, not piece
            continue
        builder.sources.append(_LINE_BREAK.sub(" ", text[start:end]))
        names.update(dict.fromkeys(row))
        number, at, first = line + text.count("\n", start, end), end, False
        if builder.add(line, row, end - start):
            yield builder.build(tuple(names))
            names = {}
    rest = text[start + 1 :]
    while rest and not rest.strip():
        rest = lines.read(_PIECE)
    if rest:
        raise _invalid(source, number, f"{rest.strip()[:20]!r} after the end of the array")
    if builder.rows:
        yield builder.build(tuple(names))


def _invalid(source: Source, line: int, problem: str) -> DataFileError:
    return DataFileError(
        f"{source.name}, line {line}: not a JSON array of objects: {problem}; {_ADVICE}", field="input"
    )
