"""What `/metrics` tells, in Prometheus form, summed over the workers; every label has a fixed set of values."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from sentiline.errors import InputError

from ..errors import CODES
from ..outcome import Outcome
from .process_metrics import Processes
from .stage_times import STAGES, Times

CONTENT_TYPE = CONTENT_TYPE_LATEST
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Set by BentoML's supervisor: the folder in which the workers of one server keep their numbers."""

UNMATCHED = "unmatched"
"""Stands for every path that is no route: a label made of raw paths would let anyone fill the memory."""

DROPPED = ("expired", "disconnected")
"""Why texts are dropped before they are read."""

_METHODS = ("GET", "HEAD", "POST")
_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STAGE_LATENCIES = (0.0001, 0.00025, 0.0005, *_LATENCIES)
_TENTHS = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))


class _Model:
    """The series of one model."""

    __slots__ = ("labels", "memory", "positive", "tokens", "truncated", "uncertain", "unknown")

    def __init__(self, name: str, metrics: Metrics) -> None:
        self.labels = {label: metrics.predictions.labels(name, label) for label in ("POSITIVE", "NEGATIVE")}
        self.positive = metrics.positive.labels(name)
        self.tokens = metrics.tokens.labels(name)
        self.unknown = metrics.unknown.labels(name)
        self.truncated = metrics.truncated.labels(name)
        self.uncertain = metrics.uncertain.labels(name)
        self.memory = metrics.memory.labels(name)


class Metrics:
    """The service's numbers; safe to use from many threads."""

    def __init__(
        self, routes: Iterable[tuple[str, Sequence[str]]], models: Iterable[str], *, max_pending_tokens: int
    ) -> None:
        """Register everything, so that all series exist before the first request.

        Args:
            routes: templates of the routes and their methods.
            models: names of the models there are; others get their series when they are loaded.
            max_pending_tokens: the setting, to be compared with the tokens pending.
        """
        _fix_process()
        self._registry = registry = CollectorRegistry()
        registry.register(Processes(supervised=False))
        shared: dict[str, Any] = {"registry": registry}
        live: dict[str, Any] = {"registry": registry, "multiprocess_mode": "livesum"}
        self.requests = Counter("sentiline_requests", "Requests answered.", ("route", "method", "status"), **shared)
        self.seconds = Histogram(
            "sentiline_request_seconds",
            "Time from the end of a request's headers to its answer's last byte, of those not turned away with 429.",
            ("route",),
            buckets=_LATENCIES,
            **shared,
        )
        self.stages = Histogram(
            "sentiline_stage_seconds",
            "Time of a request in the queue until its first text was taken, and in tokenizing, inference and "
            "serialization, summed over its texts.",
            ("stage",),
            buckets=_STAGE_LATENCIES,
            **shared,
        )
        self.errors = Counter("sentiline_errors", "Texts and requests refused.", ("error_type",), **shared)
        self.drops = Counter("sentiline_dropped_texts", "Texts dropped before they were read.", ("reason",), **shared)
        self.predictions = Counter("sentiline_predictions", "Texts scored.", ("model", "label"), **shared)
        self.positive = Histogram(
            "sentiline_positive_probability", "P(positive) of the texts scored.", ("model",), buckets=_TENTHS, **shared
        )
        self.tokens = Counter("sentiline_tokens", "Tokens read.", ("model",), **shared)
        self.unknown = Counter("sentiline_unknown_tokens", "Tokens read that are not known.", ("model",), **shared)
        self.truncated = Counter(
            "sentiline_truncated_texts", "Texts of which tokens were left out.", ("model",), **shared
        )
        self.uncertain = Counter(
            "sentiline_uncertain_texts", "Texts of which the model does not know.", ("model",), **shared
        )
        self.pending_texts = Gauge("sentiline_pending_texts", "Texts accepted and not yet answered.", **live)
        self.pending_tokens = Gauge("sentiline_pending_tokens", "Tokens accepted and not yet answered.", **live)
        self.max_pending = Gauge("sentiline_max_pending_tokens", "The most tokens that may be pending.", **live)
        self.ready_workers = Gauge("sentiline_ready_workers", "Workers whose default model answers.", **live)
        self.loaded = Gauge("sentiline_loaded_models", "Models in memory.", **live)
        self.memory = Gauge("sentiline_model_memory_bytes", "Memory that a model is taken to need.", ("model",), **live)
        _forget_the_dead()
        self._lock = threading.Lock()
        self._answered: dict[tuple[str, str, int], Counter] = {}
        self._routes = {route: self.seconds.labels(route) for route, _ in [*routes, (UNMATCHED, ())]}
        for route, methods in routes:
            for method in methods:
                self._request(route, method, 200)
        self._errors = {code: self.errors.labels(code) for code in CODES}
        self._stages = [self.stages.labels(stage) for stage in STAGES]
        self._drops = {reason: self.drops.labels(reason) for reason in DROPPED}
        self._models = {model: _Model(model, self) for model in models}
        self.max_pending.set(max_pending_tokens)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request; the time of one turned away for overload says nothing of those served."""
        counter = self._answered.get((route, method, status)) or self._request(route, method, status)
        counter.inc()
        if status != HTTPStatus.TOO_MANY_REQUESTS:
            self._routes[route].observe(seconds)

    def error(self, code: str) -> None:
        """Count one refused request."""
        self._errors[code].inc()

    def outcomes(self, model: str, outcomes: Iterable[Outcome]) -> None:
        """Count the texts of one request. `model` is the name of a loaded model, never a client's own string."""
        series = self._series(model)
        tokens = unknown = truncated = uncertain = 0
        for outcome in outcomes:
            if isinstance(outcome, InputError):
                self._errors[outcome.code].inc()
                continue
            series.labels[outcome.label].inc()
            series.positive.observe(outcome.positive)
            tokens += outcome.encoding.tokens_used
            unknown += outcome.encoding.unknown_tokens
            truncated += outcome.encoding.truncated
            uncertain += bool(outcome.uncertain)
        for counter, count in (
            (series.tokens, tokens),
            (series.unknown, unknown),
            (series.truncated, truncated),
            (series.uncertain, uncertain),
        ):
            if count:
                counter.inc(count)

    def times(self, times: Times) -> None:
        """Note where the time of one request went."""
        for histogram, seconds in zip(self._stages, times.stages(), strict=True):
            histogram.observe(seconds)

    def dropped(self, reason: str, texts: int) -> None:
        """Count texts that were dropped unread; the reason is one of `DROPPED`."""
        self._drops[reason].inc(texts)

    def pending(self, texts: int, tokens: int) -> None:
        """Note what is accepted and not yet answered."""
        self.pending_texts.set(texts)
        self.pending_tokens.set(tokens)

    def ready(self, ready: bool) -> None:
        """Note whether this worker's default model answers."""
        self.ready_workers.set(ready)

    def models(self, sizes: Mapping[str, int]) -> None:
        """Note the models in memory, by name, and their sizes in bytes."""
        self.loaded.set(len(sizes))
        for name in sizes:
            self._series(name)
        for name, series in self._models.items():
            series.memory.set(sizes.get(name, 0))

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format; reads the workers' files, so not on the event loop."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        registry.register(Processes(supervised=True))
        return generate_latest(registry)

    def close(self) -> None:
        """Take this process out of the sums of what lives."""
        if MULTIPROCESS_VARIABLE in os.environ:
            mark_process_dead(os.getpid())

    def _request(self, route: str, method: str, status: int) -> Counter:
        counter: Counter = self.requests.labels(route, method if method in _METHODS else "other", status)
        if method in _METHODS:  # others are a client's to choose
            self._answered[route, method, status] = counter
        return counter

    def _series(self, model: str) -> _Model:
        series = self._models.get(model)
        if series is None:
            with self._lock:  # the dictionary is replaced, not changed: others may be going through it
                series = self._models.get(model) or _Model(model, self)
                self._models = {**self._models, model: series}
        return series


def _fix_process() -> None:
    """Look the process's number up once: prometheus_client asks the system for it at every single increment."""
    if MULTIPROCESS_VARIABLE in os.environ:
        pid = os.getpid()
        values.ValueClass = values.MultiProcessValue(lambda: pid)


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
