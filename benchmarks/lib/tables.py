"""Output of the benchmarks: Markdown tables on the terminal and in a file, all figures as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiline.atomic_write import write_atomically
from sentiline.cpus import available_cpus


@dataclass(frozen=True, slots=True)
class Table:
    """A Markdown table; the first column holds the titles of the rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (self.columns, rule, *self.rows))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all speed benchmarks share."""
    parser.add_argument("--archive", type=Path, help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, then the cache")
    parser.add_argument("--model", default="bilstm")
    parser.add_argument("--markdown", type=Path, help="file for the tables")
    parser.add_argument("--json", type=Path, help="file for all figures")


def machine() -> str:
    """Describe the machine: available CPUs, their model, Python, and the load average."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    kind = names[0] if names else platform.machine()
    busy = f", load average before {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{available_cpus()} CPUs ({kind}), Python {platform.python_version()}{busy}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:  # not Linux
        return []


def replace_block(page: Path, begin: str, end: str, parts: Sequence[str | Table]) -> None:
    """Replace the paragraphs and tables between two markers of a Markdown page.

    Raises:
        SystemExit: The page does not contain each marker once.
    """
    text = page.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"error: {page} must contain {begin} and {end} once each")
    before, after = text.split(begin)[0], text.split(end)[1]
    write_atomically(page, "\n\n".join([before + begin, *map(str, parts), end + after]).encode())


def publish(parts: Sequence[str | Table], figures: dict[str, Any], options: argparse.Namespace) -> None:
    """Print paragraphs and tables, and write the files that the options name."""
    document = "\n\n".join(map(str, parts)) + "\n"
    print(document, end="")
    for path, content in ((options.markdown, document), (options.json, json.dumps(figures, indent=1) + "\n")):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content.encode())
