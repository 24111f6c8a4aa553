"""OpenTelemetry traces, exported by OTLP over HTTP if a setting enables them; no span ever contains review text."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from time import perf_counter

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import Scope

import sentiline

from ..headers import SCOPE_TIMES
from .stage_times import StageTimes

MAX_TEXTS = 32
"""The most texts of one request that get spans of their own."""

EXPORT_SECONDS = 5.0
"""Time limit for exporting one batch; spans not accepted by then are lost, and requests are never delayed."""

CLOSE_SECONDS = 2.0
"""Time limit for exporting the remaining spans at the end: a collector that does not answer must not delay the stop."""

logger = logging.getLogger("bentoml.sentiline.tracing")


class _CountingExporter(OTLPSpanExporter):
    """Exports spans, and counts those that the collector does not accept."""

    def __init__(self, endpoint: str, count_lost: Callable[[int], None]) -> None:
        super().__init__(endpoint=endpoint, timeout=EXPORT_SECONDS)
        self._count_lost = count_lost

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._count_lost(len(spans))
        return result


class Tracing:
    """Records requests after they are answered, from their stage times, so that tracing adds little latency."""

    def __init__(self, endpoint: str, sample_rate: float, count_lost: Callable[[int], None]) -> None:
        """Start exporting.

        Args:
            endpoint: The URL of the collector.
            sample_rate: The share of requests to trace, over which a caller's own sampling decision takes precedence.
            count_lost: Called with the number of spans of each batch that the collector did not accept.
        """
        resource = Resource.create({SERVICE_NAME: "sentiline", SERVICE_VERSION: sentiline.__version__})
        resource = resource.merge(OTELResourceDetector().detect())  # OTEL_SERVICE_NAME takes precedence
        self._provider = TracerProvider(
            resource=resource, sampler=ParentBased(TraceIdRatioBased(sample_rate)), shutdown_on_exit=False
        )
        exporter = _CountingExporter(endpoint, count_lost)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("sentiline", sentiline.__version__)
        self._propagator = TraceContextTextMapPropagator()

    def record_request(self, scope: Scope, route: str, status: int) -> None:
        """Record an answered request.

        Args:
            scope: The ASGI scope, with the request's times; only the headers `traceparent` and `tracestate` are read.
            route: The route's template.
            status: The HTTP status; 0 if there was no answer.
        """
        headers = Headers(scope=scope)
        context = self._propagator.extract(
            {key: headers[key] for key in ("traceparent", "tracestate") if key in headers}
        )
        times: StageTimes = scope[SCOPE_TIMES]
        clock = _clock()
        method = scope["method"][:20]
        span = self._tracer.start_span(
            f"{method} {route}", context, SpanKind.SERVER, start_time=clock(times.started), attributes={
                "http.request.method": method, "http.route": route, "http.response.status_code": status
            }
        )  # fmt: skip
        if span.is_recording():
            if status >= 500 or status == 0:
                span.set_status(StatusCode.ERROR)
            if times.model is not None:
                span.set_attribute("sentiline.model", times.model)
            self._record_stages(span, times, clock)
        span.end(time.time_ns())

    def close(self) -> None:
        """Export the remaining spans, within `CLOSE_SECONDS`; the others are lost."""
        # the SDK has time limits too, but of half a minute, and its retries do not keep to them
        closing = threading.Thread(target=self._provider.shutdown, name="tracing", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        if closing.is_alive():
            logger.warning("the collector did not accept the last spans within %g s, so they are lost", CLOSE_SECONDS)

    def _record_stages(self, parent: Span, times: StageTimes, clock: Callable[[float], int]) -> None:
        texts = sorted(times.texts, key=lambda text: text.started)
        if not texts:
            return
        parent.set_attribute("sentiline.texts", len(texts))
        parent.set_attribute("sentiline.tokens", times.tokens)
        context = set_span_in_context(parent)

        def stage(name: str, start: float, end: float, attributes: dict[str, int]) -> None:
            child = self._tracer.start_span(name, context, start_time=clock(start), attributes=attributes)
            child.end(clock(end))

        stage("queue", times.accepted, texts[0].started, {})
        for text in texts[:MAX_TEXTS]:
            attributes = {"sentiline.text.index": text.position, "sentiline.text.tokens": text.tokens}
            stage("tokenize", text.started, text.tokenized, attributes)
            stage("infer", text.tokenized, text.inferred, attributes)
            stage("serialize", text.inferred, text.rendered, attributes)


def _clock() -> Callable[[float], int]:
    """Return a function that converts seconds of `perf_counter` to nanoseconds since 1970."""
    offset = time.time_ns() - int(perf_counter() * 1e9)
    return lambda seconds: offset + int(seconds * 1e9)
