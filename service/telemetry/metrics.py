"""The Prometheus metrics of `/metrics`, summed over the workers; every label has a bounded set of values."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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
from .dead_workers import locked, merge_dead_workers
from .process_metrics import ProcessCollector
from .stage_times import STAGES

if TYPE_CHECKING:
    from sentiline.predictor import Predictor


class LoadedModel(Protocol):
    """A model in memory, as the engine's `Model` is one."""

    @property
    def predictor(self) -> Predictor:
        """The predictor that runs it."""

    @property
    def size(self) -> int:
        """Its estimated memory in bytes."""

    @property
    def load_seconds(self) -> float:
        """How long loading it took."""


CONTENT_TYPE = CONTENT_TYPE_LATEST
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Set by BentoML's supervisor: the folder in which the workers of one server keep their values."""

UNMATCHED = "unmatched"
"""The route label of every unknown path: with raw paths as labels, any client could exhaust the memory."""

DROP_REASONS = ("expired", "disconnected")
"""Why texts are dropped before they are read."""

_METHODS = ("GET", "HEAD", "POST")
_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STAGE_LATENCIES = (0.0001, 0.00025, 0.0005, *_LATENCIES)
_TENTHS = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))


class _ModelSeries:
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
    """The service's metrics; thread-safe."""

    def __init__(
        self, routes: Iterable[tuple[str, Sequence[str]]], models: Iterable[str], *, max_pending_tokens: int
    ) -> None:
        """Register everything, so that all series exist before the first request.

        Args:
            routes: The templates of the routes, with their methods.
            models: The names of the installed models; models added later get their series when they are loaded.
            max_pending_tokens: The setting, to be compared with the tokens pending.
        """
        _cache_process_id()
        self._registry = registry = CollectorRegistry()
        registry.register(ProcessCollector(supervised=False))
        shared: dict[str, Any] = {"registry": registry}
        live: dict[str, Any] = {"registry": registry, "multiprocess_mode": "livesum"}
        self.requests = Counter("sentiline_requests", "Requests answered.", ("route", "method", "status"), **shared)
        self.seconds = Histogram(
            "sentiline_request_seconds",
            "Time from the end of a request's headers to its answer's last byte; requests rejected with 429 excluded.",
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
        self.errors = Counter("sentiline_errors", "Texts and requests rejected.", ("error_type",), **shared)
        self.drops = Counter("sentiline_dropped_texts", "Texts dropped before they were read.", ("reason",), **shared)
        self.predictions = Counter("sentiline_predictions", "Texts scored.", ("model", "label"), **shared)
        self.positive = Histogram(
            "sentiline_positive_probability", "P(positive) of the texts scored.", ("model",), buckets=_TENTHS, **shared
        )
        self.tokens = Counter("sentiline_tokens", "Tokens read.", ("model",), **shared)
        self.unknown = Counter(
            "sentiline_unknown_tokens", "Tokens read that are not in the vocabulary.", ("model",), **shared
        )
        self.truncated = Counter("sentiline_truncated_texts", "Texts that were truncated.", ("model",), **shared)
        self.uncertain = Counter(
            "sentiline_uncertain_texts", "Texts whose prediction is uncertain.", ("model",), **shared
        )
        self.pending_texts = Gauge("sentiline_pending_texts", "Texts accepted and not yet answered.", **live)
        self.pending_tokens = Gauge("sentiline_pending_tokens", "Tokens accepted and not yet answered.", **live)
        self.max_pending = Gauge(
            "sentiline_max_pending_tokens", "Limit of the tokens accepted and not yet answered.", **live
        )
        self.open_connections = Gauge("sentiline_open_connections", "Connections open.", **live)
        self.max_connections = Gauge(
            "sentiline_max_connections", "Limit of the connections that are served without restriction.", **live
        )
        self.refused_connections = Counter(
            "sentiline_refused_connections", "Connections beyond the limit on which no request was served.", **shared
        )
        self.lost_spans = Counter(
            "sentiline_lost_spans", "Spans that the collector of traces did not accept.", **shared
        )
        self.ready_workers = Gauge("sentiline_ready_workers", "Workers whose default model is ready.", **live)
        self.loaded = Gauge("sentiline_loaded_models", "Models in memory.", **live)
        self.memory = Gauge("sentiline_model_memory_bytes", "Estimated memory of a loaded model.", ("model",), **live)
        self.versions = Gauge(
            "sentiline_model_workers", "Workers that have a version of a model in memory.", ("model", "version"), **live
        )
        self.load_seconds = Gauge(
            "sentiline_model_load_seconds",
            "Time of the latest load of a model, the longest of all workers.",
            ("model",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._lock = threading.Lock()
        self._request_counters: dict[tuple[str, str, int], Counter] = {}
        self._latencies = {route: self.seconds.labels(route) for route, _ in [*routes, (UNMATCHED, ())]}
        for route, methods in routes:
            for method in methods:
                self._request_counter(route, method, 200)
        self._errors = {code: self.errors.labels(code) for code in CODES}
        self._stage_histograms = [self.stages.labels(stage) for stage in STAGES]
        self._drops = {reason: self.drops.labels(reason) for reason in DROP_REASONS}
        self._versions: set[tuple[str, str]] = set()
        self._models = {model: _ModelSeries(model, self) for model in models}
        self.max_pending.set(max_pending_tokens)

    def observe_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request, and observe its latency."""
        counter = self._request_counters.get((route, method, status)) or self._request_counter(route, method, status)
        counter.inc()
        if status != HTTPStatus.TOO_MANY_REQUESTS:  # fast rejections would hide the latency of the requests served
            self._latencies[route].observe(seconds)

    def count_error(self, code: str) -> None:
        """Count one rejected request by its `error_type`."""
        self._errors[code].inc()

    def observe_outcomes(self, model: str, outcomes: Iterable[Outcome]) -> None:
        """Count the texts of one request; `model` must be the name of a loaded model, never a client's own string."""
        series = self._series(model)
        tokens = unknown = truncated = uncertain = 0
        for outcome in outcomes:
            if isinstance(outcome, InputError):
                self._errors[outcome.code].inc()
                continue
            if (counter := series.labels.get(outcome.label)) is None:  # only clients that ask for three classes need it
                counter = series.labels[outcome.label] = self.predictions.labels(model, outcome.label)
            counter.inc()
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

    def observe_stages(self, stages: Sequence[float]) -> None:
        """Observe the seconds that one request spent in each of `STAGES`."""
        for histogram, seconds in zip(self._stage_histograms, stages, strict=True):
            histogram.observe(seconds)

    def count_dropped(self, reason: str, texts: int) -> None:
        """Count texts that were dropped unread; `reason` is one of `DROP_REASONS`."""
        self._drops[reason].inc(texts)

    def count_lost_spans(self, spans: int) -> None:
        """Count spans that could not be exported."""
        self.lost_spans.inc(spans)

    def set_pending(self, texts: int, tokens: int) -> None:
        """Set the texts and tokens that are accepted and not yet answered."""
        self.pending_texts.set(texts)
        self.pending_tokens.set(tokens)

    def set_ready(self, ready: bool) -> None:
        """Set whether this worker's default model is ready."""
        self.ready_workers.set(ready)

    def set_loaded_models(self, models: Mapping[str, LoadedModel]) -> None:
        """Set the models in memory, by name."""
        self.loaded.set(len(models))
        for name, model in models.items():
            self._series(name)
            self.load_seconds.labels(name).set(model.load_seconds)
        for name, series in self._models.items():
            series.memory.set(models[name].size if name in models else 0)
        versions = {(name, model.predictor.manifest.version) for name, model in models.items()}
        for labels in self._versions | versions:
            self.versions.labels(*labels).set(labels in versions)
        self._versions |= versions

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format; blocks on the workers' files, so not for the event loop."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        folder = Path(os.environ[MULTIPROCESS_VARIABLE])
        MultiProcessCollector(registry)
        registry.register(ProcessCollector(supervised=True))
        with locked(folder):  # what another worker is merging would be counted twice
            merge_dead_workers(folder)
            return generate_latest(registry)

    def close(self) -> None:
        """Remove this process from the gauges that sum over live processes."""
        if MULTIPROCESS_VARIABLE in os.environ:
            mark_process_dead(os.getpid())

    def _request_counter(self, route: str, method: str, status: int) -> Counter:
        counter: Counter = self.requests.labels(route, method if method in _METHODS else "other", status)
        if method in _METHODS:  # a client may send any method, so the others must not fill the cache
            self._request_counters[route, method, status] = counter
        return counter

    def _series(self, model: str) -> _ModelSeries:
        series = self._models.get(model)
        if series is None:
            with self._lock:  # the dictionary is replaced, not changed: other threads may be iterating over it
                series = self._models.get(model) or _ModelSeries(model, self)
                self._models = {**self._models, model: series}
        return series


def _cache_process_id() -> None:
    """Look up the process id once: prometheus_client makes a system call for it at every increment."""
    if MULTIPROCESS_VARIABLE in os.environ:
        pid = os.getpid()
        values.ValueClass = values.MultiProcessValue(lambda: pid)
