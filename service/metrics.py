"""What `/metrics` tells, in Prometheus form, summed over the workers; every label has a fixed set of values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from sentiline.errors import InputError
from sentiline.reading import Reading

from .errors import CODES

CONTENT_TYPE = CONTENT_TYPE_LATEST
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Set by BentoML's supervisor: the folder in which the workers of one server keep their numbers."""

UNMATCHED = "unmatched"
"""Stands for every path that is no route: a label made of raw paths would let anyone fill the memory."""

_METHODS = ("GET", "HEAD", "POST")
_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The service's counters. One instance a process: the names live in a global registry."""

    def __init__(self, routes: Iterable[tuple[str, Sequence[str]]], model: str) -> None:
        """Register everything, so that all series exist before the first request.

        Args:
            routes: templates of the routes and their methods.
            model: name of the default model.
        """
        self._requests = Counter("sentiline_requests", "Requests answered.", ("route", "method", "status"))
        self._seconds = Histogram(
            "sentiline_request_seconds",
            "Time from a request's first byte to its answer's last.",
            ("route",),
            buckets=_LATENCIES,
        )
        self._errors = Counter("sentiline_errors", "Texts and requests refused, by error_type.", ("error_type",))
        self._predictions = Counter("sentiline_predictions", "Texts scored.", ("model", "label"))
        self._tokens = Counter("sentiline_tokens", "Tokens read.", ("model",))
        self._unknown = Counter("sentiline_unknown_tokens", "Tokens read that no vocabulary holds.", ("model",))
        self._truncated = Counter("sentiline_truncated_texts", "Texts of which tokens were left out.", ("model",))
        self._pending = Gauge(
            "sentiline_pending_texts", "Texts accepted and not yet answered.", multiprocess_mode="livesum"
        )
        self._ready = Gauge(
            "sentiline_ready_workers", "Workers whose default model is ready.", multiprocess_mode="livesum"
        )
        _forget_the_dead()
        for route, methods in routes:
            self._seconds.labels(route)
            for method in methods:
                self._requests.labels(route, method, 200)
        for code in CODES:
            self._errors.labels(code)
        for label in ("POSITIVE", "NEGATIVE"):
            self._predictions.labels(model, label)
        for counter in (self._tokens, self._unknown, self._truncated):
            counter.labels(model)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(route, method if method in _METHODS else "other", status).inc()
        self._seconds.labels(route).observe(seconds)

    def error(self, code: str) -> None:
        """Count one refused request."""
        self._errors.labels(code).inc()

    def outcomes(self, model: str, outcomes: Iterable[Reading | InputError]) -> None:
        """Count the texts of one request. `model` is the name of a loaded model, never a client's own string."""
        tokens = unknown = truncated = 0
        for outcome in outcomes:
            if isinstance(outcome, InputError):
                self._errors.labels(outcome.code).inc()
                continue
            self._predictions.labels(model, outcome.label).inc()
            tokens += outcome.encoding.tokens_used
            unknown += outcome.encoding.unknown_tokens
            truncated += outcome.encoding.truncated
        self._tokens.labels(model).inc(tokens)
        self._unknown.labels(model).inc(unknown)
        self._truncated.labels(model).inc(truncated)

    def watch(self, pending: int, ready: bool) -> None:
        """Note the state of this worker's engine."""
        self._pending.set(pending)
        self._ready.set(ready)

    def close(self) -> None:
        """Take this process out of the sums of what lives."""
        if MULTIPROCESS_VARIABLE in os.environ:
            mark_process_dead(os.getpid())


def _forget_the_dead() -> None:
    """Drop what killed workers, which could not close, have left in the gauges."""
    folder = os.environ.get(MULTIPROCESS_VARIABLE)
    if folder is None:
        return
    for path in Path(folder).glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, PermissionError):  # gone, or its number is another user's process by now
            mark_process_dead(pid)


def exposition() -> bytes:
    """Everything, in Prometheus' text format; reads files when there are several workers, so not on the event loop."""
    if MULTIPROCESS_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
