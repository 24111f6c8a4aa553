"""Writes reviews in every format, and reads outputs back with the libraries of those formats."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

REVIEWS = [
    "I loved this film, the plot was great!",
    'The worst movie. "Boring", so\nboring and, at the end, terrible',
    "Fine acting\tbut a bad ending?",
    "Ça n'est pas mal, 10/10 \U0001f600",
    "wonderful\r\nfunny",
    "  not good ",
]
ROWS = [{"id": f"{number:03}", "review": text, "note": "a,b"} for number, text in enumerate(REVIEWS)]


def write(path: Path, rows: list[dict[str, Any]], encoding: str = "utf-8") -> Path:
    """Write rows in the format of the file's ending."""
    suffixes = path.suffixes
    if suffixes[0] == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    text = io.StringIO(newline="")
    if suffixes[0] == ".jsonl":
        text.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    elif suffixes[0] == ".txt":
        text.writelines(row["review"] + "\n" for row in rows)
    else:
        writer = csv.DictWriter(text, list(rows[0]), delimiter="\t" if suffixes[0] == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
    content = text.getvalue().encode(encoding)
    if suffixes[-1] == ".gz":
        content = gzip.compress(content)
    if suffixes[-1] == ".zst":
        content = pa.compress(content, codec="zstd", asbytes=True)
    path.write_bytes(content)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """Read rows; of CSV and TSV all values are strings."""
    if path.suffixes[0] == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    content = path.read_bytes()
    if path.suffixes[-1] == ".gz":
        content = gzip.decompress(content)
    if path.suffixes[-1] == ".zst":
        content = pa.input_stream(pa.py_buffer(content), compression="zstd").read()
    text = content.decode()
    if path.suffixes[0] == ".jsonl":
        return [json.loads(line) for line in text.split("\n") if line]
    delimiter = "\t" if path.suffixes[0] == ".tsv" else ","
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
