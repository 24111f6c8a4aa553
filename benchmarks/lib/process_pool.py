"""Processes, as many as there are CPUs, that hold scorers which are Python and share texts out among themselves."""

from __future__ import annotations

import itertools
import math
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

Scorer: TypeAlias = Callable[[Sequence[str]], list[float]]
"""A number for each text; the larger, the more positive."""

Source: TypeAlias = tuple[Callable[[Path], Scorer], Path]
"""A function of some module, and the file from which it loads a scorer."""

LARGEST = 128
"""The most texts handed to a process at once."""

_scorers: dict[str, Scorer] = {}
"""Those of a process of the crew."""


class Crew:
    """The processes; they end when the `with` block ends."""

    def __init__(self, sources: Mapping[str, Source], processes: int) -> None:
        """Start them; every one loads every scorer before its first text."""
        self.processes = processes
        # spawned, not forked: this process has threads
        self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin, (dict(sources),))

    def score(self, name: str, texts: Sequence[str]) -> list[float]:
        """What the scorer of that name makes of each text, in their order; all processes take part."""
        count = max(1, min(LARGEST, math.ceil(len(texts) / (4 * self.processes))))
        chunks = (texts[start : start + count] for start in range(0, len(texts), count))
        return [score for part in self._pool.map(_score, itertools.repeat(name), chunks) for score in part]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


def _begin(sources: Mapping[str, Source]) -> None:
    for name, (load, path) in sources.items():
        _scorers[name] = load(path)


def _score(name: str, texts: Sequence[str]) -> list[float]:
    return _scorers[name](texts)
