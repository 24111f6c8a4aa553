"""Small folders of labelled sets."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

from training.mixture.sets import HEADER


def write_set(folder: Path, name: str, rows: Iterable[tuple[str, str, str]]) -> Path:
    """Write a set of label, text and extra."""
    return write_lines(folder / f"{name}.tsv.gz", [HEADER, *("\t".join(row) for row in rows)])


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """Write lines as gzip-compressed UTF-8."""
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return path
