"""OpenTelemetry traces, received by a real OTLP endpoint: the caller's trace goes on, the stages add up, no text."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from service.headers import SCOPE_TIMES
from service.telemetry.stage_times import StageTimes
from service.telemetry.tracing import Tracing
from tests.service.conftest import PRIVATE
from tests.service.server import Server

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STAGES = ["queue", "tokenize", "infer", "serialize"]


class Collector:
    """Takes OTLP over HTTP and keeps the spans by trace."""

    def __init__(self) -> None:
        received: queue.Queue[bytes] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                assert self.headers["content-type"] == "application/x-protobuf"
                received.put(self.rfile.read(int(self.headers["content-length"])))
                body = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None: ...

        self._received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        self.payloads = b""
        self._spans: list[tuple[Any, Any]] = []  # (resource, span)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def trace(self, trace_id: str, spans: int) -> dict[str, list[Any]]:
        """The spans of one trace by name, once there are so many."""
        while True:
            found = [span for _, span in self._spans if span.trace_id.hex() == trace_id]
            if len(found) >= spans:
                assert len(found) == spans
                named: dict[str, list[Any]] = {}
                for span in found:
                    named.setdefault(span.name, []).append(span)
                return named
            payload = self._received.get(timeout=120)
            self.payloads += payload
            for group in ExportTraceServiceRequest.FromString(payload).resource_spans:
                self._spans += [(group.resource, span) for scope in group.scope_spans for span in scope.spans]

    def resource(self) -> dict[str, Any]:
        return attributes(self._spans[0][0])


def attributes(holder: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in holder.attributes}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.close()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, models: Path, collector: Collector) -> Iterator[Server]:
    """A server that traces only what its callers want traced."""
    settings = {"SENTILINE_TRACING_ENDPOINT": collector.endpoint, "SENTILINE_TRACING_SAMPLE_RATE": "0"}
    with Server(tmp_path_factory.mktemp("traced"), SENTILINE_MODELS=str(models), **settings) as running:
        yield running.wait_until_ready()


def post(server: Server, document: Any, number: int, *, flags: str = "01", path: str = "/predict") -> str:
    """Ask within a trace of its own; returns its id."""
    trace = f"{int(TRACE, 16) + number:032x}"
    headers = {"traceparent": f"00-{trace}-{PARENT}-{flags}", "tracestate": "vendor=1"}
    httpx.post(f"{server.url}{path}", json=document, headers=headers, timeout=120)
    return trace


def test_a_request_is_one_trace_with_its_stages(traced: Server, collector: Collector) -> None:
    spans = collector.trace(post(traced, {"inputs": f"A {PRIVATE} film."}, 0), 5)
    (request,) = spans["POST /predict"]
    assert request.parent_span_id.hex() == PARENT
    assert (request.trace_state, request.kind) == ("vendor=1", request.SPAN_KIND_SERVER)
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "sentiline.model": "bilstm",
        "sentiline.texts": 1,
        "sentiline.tokens": 3,
    }
    ends = request.start_time_unix_nano
    for name in STAGES:
        (span,) = spans[name]
        assert span.parent_span_id == request.span_id
        assert ends <= span.start_time_unix_nano <= span.end_time_unix_nano <= request.end_time_unix_nano
        ends = span.end_time_unix_nano
    assert collector.resource()["service.name"] == "sentiline"


def test_a_list_has_the_stages_of_each_text(traced: Server, collector: Collector) -> None:
    spans = collector.trace(post(traced, {"inputs": ["A good film.", "", "So boring!"]}, 1), 11)
    assert {name: len(found) for name, found in spans.items()} == {
        "POST /predict": 1, "queue": 1, "tokenize": 3, "infer": 3, "serialize": 3
    }  # fmt: skip
    tokens = {
        attributes(span)["sentiline.text.index"]: attributes(span)["sentiline.text.tokens"] for span in spans["infer"]
    }
    assert tokens == {0: 3, 1: 0, 2: 3}


def test_refusals_are_traced_by_their_route(traced: Server, collector: Collector) -> None:
    (span,) = collector.trace(post(traced, {"inputs": PRIVATE, "x": 1}, 2, path=f"/v2/models/{PRIVATE}/infer"), 1)[
        "POST /v2/models/{model}/infer"
    ]
    assert attributes(span)["http.response.status_code"] == 422
    assert span.status.code == span.status.STATUS_CODE_UNSET


def test_what_callers_do_not_want_traced_is_not(traced: Server, collector: Collector) -> None:
    httpx.post(f"{traced.url}/predict", json={"inputs": PRIVATE}, timeout=120)  # has no trace: the rate is 0
    unwanted = post(traced, {"inputs": PRIVATE}, 3, flags="00")
    collector.trace(post(traced, {"inputs": PRIVATE}, 4), 5)
    seen = {span.trace_id.hex() for _, span in collector._spans}
    assert unwanted not in seen
    assert all(int(trace, 16) - int(TRACE, 16) in (0, 1, 2, 4) for trace in seen)


def test_the_last_spans_are_sent_and_none_holds_a_text(traced: Server, collector: Collector) -> None:
    """Last in this file: the server is gone afterwards."""
    last = post(traced, {"inputs": f"{PRIVATE} film"}, 5)
    assert traced.stop() == 0
    collector.trace(last, 5)
    assert PRIVATE.encode() not in collector.payloads
    assert "Traceback" not in traced.log


def test_a_collector_that_never_answers_does_not_delay_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.telemetry.tracing.CLOSE_SECONDS", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        lost: list[int] = []
        tracing = Tracing(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces", 1.0, lost.append)
        scope = {"method": "GET", "headers": [], SCOPE_TIMES: StageTimes(0.0)}
        tracing.record_request(scope, "/livez", 200)
        tracing.close()
        assert "the last spans within 0.1 s, so they are lost" in caplog.text


def test_spans_that_a_collector_refuses_are_counted() -> None:
    with socket.socket() as closed:  # bound and not listening, so connections are refused
        closed.bind(("127.0.0.1", 0))
        lost: list[int] = []
        tracing = Tracing(f"http://127.0.0.1:{closed.getsockname()[1]}/v1/traces", 1.0, lost.append)
        for _ in range(3):
            tracing.record_request({"method": "GET", "headers": [], SCOPE_TIMES: StageTimes(0.0)}, "/livez", 200)
        tracing._provider.shutdown()
    assert sum(lost) == 3


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "sentiline"),
        ({"OTEL_SERVICE_NAME": "mine"}, "mine"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=ours,team=a"}, "ours"),
    ],
)
def test_the_name_of_the_service(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    tracing = Tracing(collector.endpoint, 0.0, lambda _: None)
    assert tracing._provider.resource.attributes["service.name"] == name
    tracing.close()


def test_tracing_is_off_by_default(server: Server) -> None:
    (worker,) = server.workers
    assert not [
        thread for thread in Path(f"/proc/{worker}/task").iterdir() if "OtelBatch" in (thread / "comm").read_text()
    ]
