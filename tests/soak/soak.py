"""Runs a real server under random traffic and compares its footprint before and after."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from sentiline.bundle import find_by_name
from sentiline.predictor import Predictor
from tests.service.server import Server
from tests.soak.footprint import MEGABYTE, Footprint, measure
from tests.soak.traffic import Traffic, reviews

MODELS = ("bilstm", "gru", "rnn")
GROWTH = 0.05
"""Share by which the allocated memory may grow, since the allocator returns memory in large pieces."""

SPARE_THREADS = 4
"""Threads that Python's own pools may still start: a pool grows to its bound when more work waits than ever before."""

LATE_STATUSES = re.compile(r'status="(0|4\d\d)"')
"""Labels of statuses that depend on timing (429, hang-ups); there are few of them, so their series are bounded."""


@dataclass(frozen=True)
class Report:
    """The result of a soak.

    Attributes:
        before: The footprint after the warm-up.
        after: The footprint at the end.
        answered: The number of correct answers by kind of request.
        refused: The number of requests that the server refused because it was busy (429).
        log: The log of the server.
    """

    before: Footprint
    after: Footprint
    answered: dict[str, int]
    refused: int
    log: str

    def faults(self) -> list[str]:
        """Return a sentence for every fault. Wrong answers are not among them: the first one ends the soak."""
        before, after = self.before, self.after
        found = []
        if after.anonymous > before.anonymous * (1 + GROWTH):
            grown = (after.anonymous - before.anonymous) / MEGABYTE
            found.append(f"allocated memory grew by {grown:.1f} MB from {before.anonymous / MEGABYTE:.1f} MB")
        if after.descriptors > before.descriptors:
            found.append(f"descriptors grew from {before.descriptors} to {after.descriptors}")
        if after.threads > before.threads + SPARE_THREADS:
            found.append(f"threads grew from {before.threads} to {after.threads}")
        if after.processes != before.processes:
            found.append(f"{before.processes} processes became {after.processes}")
        new = {series for series in after.series - before.series if not LATE_STATUSES.search(series)}
        if new or before.series - after.series:
            found.append(f"series came or went: {sorted(new | (before.series - after.series))[:5]}")
        if "Traceback" in self.log:
            found.append("the log has a traceback")
        silent = [kind for kind, count in self.answered.items() if count == 0]
        if silent or not self.answered:
            found.append(f"nothing was answered of: {', '.join(silent) or 'everything'}")
        return found


def soak(
    home: Path, seconds: float, *, warm_up: float, texts: int, longest: int = 1200, seed: int = 0, workers: int = 1
) -> Report:
    """Run a server under random traffic.

    Args:
        home: A folder for the server's files.
        seconds: The duration after the warm-up, in seconds.
        warm_up: The duration of random traffic before the first footprint, in seconds.
        texts: The number of different texts.
        longest: The largest number of words in a text.
        seed: The seed of everything random.
        workers: The number of server processes.

    Raises:
        WrongAnswerError: An answer differs from the one that the model gives in this process.
    """
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(home, SENTILINE_WORKERS=str(workers))).wait_until_ready()
        predictors = {name: stack.enter_context(Predictor(find_by_name(name), threads=1)) for name in MODELS}
        traffic = Traffic.for_models(server.url, reviews(texts, longest, random.Random(seed)), predictors)
        for _ in range(2 * workers if workers > 1 else 1):  # a connection goes to one worker
            asyncio.run(traffic.everything_once())
        asyncio.run(traffic.run(warm_up, seed))
        before = _quiet(server)
        kinds = dict.fromkeys(traffic.answered, 0)
        traffic.answered, traffic.refused = dict(kinds), 0
        asyncio.run(traffic.run(seconds, seed + 1))
        after = _quiet(server, lambda now: now.descriptors <= before.descriptors)
        return Report(before, after, traffic.answered, traffic.refused, server.log)


def _quiet(server: Server, settled: Callable[[Footprint], bool] = lambda _: True) -> Footprint:
    """Measure the footprint when no text is pending and `settled` accepts it, or after a minute."""
    with httpx.Client(base_url=server.url, timeout=120) as client:
        deadline = time.monotonic() + 60
        while True:
            footprint = measure(server.process.pid, client)
            idle = "sentiline_pending_texts 0.0" in client.get("/metrics").text
            if (idle and settled(footprint)) or time.monotonic() > deadline:
                return footprint
            time.sleep(0.1)
