"""OpenTelemetry traces by OTLP over HTTP, when a setting asks for them; no span ever holds any of a text."""

from __future__ import annotations

import time
from collections.abc import Callable
from time import perf_counter

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import Scope

import sentiline

from ..headers import SCOPE_TIMES
from .stage_times import Times

MAX_TEXTS = 32
"""Texts of one request that get spans of their own."""

EXPORT_SECONDS = 5.0
"""How long a collector may take for one batch; spans that it does not take are lost, requests are not delayed."""


class Tracing:
    """Records requests once they are answered, from the times that they carry; so a request pays only for a queue."""

    def __init__(self, endpoint: str, sample_rate: float) -> None:
        """Begin to export to `endpoint`; a caller's decision whether to sample goes before `sample_rate`."""
        resource = Resource.create({SERVICE_NAME: "sentiline", SERVICE_VERSION: sentiline.__version__})
        self._provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(sample_rate)))
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("sentiline", sentiline.__version__)
        self._propagator = TraceContextTextMapPropagator()

    def request(self, scope: Scope, route: str, status: int) -> None:
        """Record an answered request.

        Args:
            scope: of ASGI, with the request's times; of its headers only `traceparent` and `tracestate` are read.
            route: template of the route.
            status: of the answer; 0 if there was none.
        """
        headers = Headers(scope=scope)
        context = self._propagator.extract(
            {key: headers[key] for key in ("traceparent", "tracestate") if key in headers}
        )
        times: Times = scope[SCOPE_TIMES]
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
            self._stages(span, times, clock)
        span.end(time.time_ns())

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _stages(self, parent: Span, times: Times, clock: Callable[[float], int]) -> None:
        marks = sorted(times.marks, key=lambda mark: mark.begun)
        if not marks:
            return
        parent.set_attribute("sentiline.texts", len(marks))
        parent.set_attribute("sentiline.tokens", times.tokens)
        context = set_span_in_context(parent)

        def stage(name: str, start: float, end: float, attributes: dict[str, int]) -> None:
            child = self._tracer.start_span(name, context, start_time=clock(start), attributes=attributes)
            child.end(clock(end))

        stage("queue", times.accepted, marks[0].begun, {})
        for mark in marks[:MAX_TEXTS]:
            about = {"sentiline.text.index": mark.text, "sentiline.text.tokens": mark.tokens}
            stage("tokenize", mark.begun, mark.tokenized, about)
            stage("infer", mark.tokenized, mark.inferred, about)
            stage("serialize", mark.inferred, mark.rendered, about)


def _clock() -> Callable[[float], int]:
    """What turns seconds of `perf_counter` into nanoseconds since 1970."""
    offset = time.time_ns() - int(perf_counter() * 1e9)
    return lambda seconds: offset + int(seconds * 1e9)
