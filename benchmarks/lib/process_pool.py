"""A process pool for scorers in pure Python, which would not profit from threads."""

from __future__ import annotations

import itertools
import math
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

Scorer: TypeAlias = Callable[[Sequence[str]], list[float]]  # a score per text, increasing with positivity

Source: TypeAlias = tuple[Callable[[Path], Scorer], Path]  # a module-level function that loads a scorer, and its file

MAX_CHUNK = 128  # texts per task

_scorers: dict[str, Scorer] = {}  # filled in each worker process


class ScorerPool:
    """Worker processes that hold all scorers; use it as a context manager."""

    def __init__(self, sources: Mapping[str, Source], processes: int) -> None:
        """Start the processes; each loads every scorer before its first text."""
        self.processes = processes
        # fork is unsafe in a process with threads
        self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _initialize, (dict(sources),))

    def score(self, name: str, texts: Sequence[str]) -> list[float]:
        """Score texts with the named scorer on all processes, in order."""
        count = max(1, min(MAX_CHUNK, math.ceil(len(texts) / (4 * self.processes))))
        chunks = (texts[start : start + count] for start in range(0, len(texts), count))
        return [score for part in self._pool.map(_score, itertools.repeat(name), chunks) for score in part]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


def _initialize(sources: Mapping[str, Source]) -> None:
    for name, (load, path) in sources.items():
        _scorers[name] = load(path)


def _score(name: str, texts: Sequence[str]) -> list[float]:
    return _scorers[name](texts)
