"""While the queue is full predictions are refused unread: at the server, in the same words, on the same connection."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families as families
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.engine.admission import TokenBudget
from service.http.load_shedding import FRESH_SECONDS, LoadShedder
from service.settings import Settings
from service.telemetry.metrics import Metrics
from tests.service.http.raw import BODY, CHUNKED, GET, POST, WHOLE, metric, split, wait_until
from tests.service.server import Server

LENGTH = [(b"host", b"x"), (b"content-length", b"40")]
TEMPLATES = (
    "/predict",
    "/hf",
    "/hf/models/{model}",
    "/v2/models/{model}/infer",
    "/v2/models/{model}/versions/{version}/infer",
)
KEY = "a-key-of-visible-characters"


async def nothing(request: Request) -> Response:
    raise AssertionError(request.url)


class FullServer:
    """The load shedder of all prediction routes and one other, with a budget of 6400 tokens."""

    def __init__(self, pending: int, **settings: object) -> None:
        routes = [Route(path, nothing, methods=["POST"]) for path in TEMPLATES]
        routes.append(Route("/models/{model}", nothing, methods=["GET"]))
        named = [(route.path, sorted(route.methods or ())) for route in routes]
        self.metrics = Metrics(named, ["bilstm"], max_pending_tokens=6400)
        self.budget = TokenBudget(6400, lambda texts, tokens: None)
        if pending:
            self.budget.admit(1, pending)
        self.shedder = LoadShedder(routes, self.budget, Settings(**settings), self.metrics)  # type: ignore[arg-type]

    def reject(
        self, url: bytes = b"/predict", headers: list[tuple[bytes, bytes]] = LENGTH, method: bytes = b"POST"
    ) -> bytes:
        return self.shedder.reject(method, url, headers, [(b"date", b"today")])

    def count(self, name: str, **labels: str) -> float:
        found = families(self.metrics.exposition().decode())
        samples = [sample for family in found for sample in family.samples]
        return sum(
            sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()
        )


def test_active_while_less_than_a_sixty_fourth_is_free() -> None:
    assert [FullServer(pending).shedder.active for pending in (0, 6299, 6300, 6400, 9000)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert not FullServer(6400, access_log=True).shedder.active


def test_the_response_is_that_of_a_full_budget() -> None:
    server = FullServer(6350)
    head, _, body = server.reject().partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    assert status == "HTTP/1.1 429 Too Many Requests"
    assert dict(line.split(": ") for line in lines) == {
        "date": "today",
        "content-length": str(len(body)),
        "content-type": "application/json",
        "retry-after": "1",
    }
    assert json.loads(body) == {
        "error": "6350 tokens are waiting and the limit is 6400; try again in 1 s, "
        "or raise SENTILINE_MAX_PENDING_TOKENS",
        "error_type": "overloaded",
        "limit": 6400,
        "setting": "SENTILINE_MAX_PENDING_TOKENS",
    }


def test_one_response_is_reused_while_it_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("service.http.load_shedding.perf_counter", lambda: now)
    server, today, tomorrow = FullServer(6350), [(b"date", b"today")], [(b"date", b"tomorrow")]

    def waiting(defaults: list[tuple[bytes, bytes]]) -> str:
        answer = server.shedder.reject(b"POST", b"/predict", LENGTH, defaults)
        assert defaults[0][1] in answer
        return json.loads(answer.partition(b"\r\n\r\n")[2])["error"].partition(" ")[0]

    assert waiting(today) == "6350"
    server.budget.admit(1, 20)
    now += FRESH_SECONDS / 2
    assert waiting(today) == "6350"
    assert waiting(tomorrow) == "6370"  # the server's own headers are never old
    server.budget.admit(1, 20)
    now += FRESH_SECONDS
    assert waiting(tomorrow) == "6390"
    assert server.count("sentiline_errors_total", error_type="overloaded") == 4


def test_every_route_that_predicts_is_counted_by_its_template() -> None:
    server = FullServer(6400)
    urls = (b"/predict?x=1", b"/hf", b"/hf/models/a", b"/v2/models/a/infer", b"/v2/models/a/versions/1.0/infer")
    for url, template in zip(urls, TEMPLATES, strict=True):
        assert server.reject(url)
        labels = {"route": template, "method": "POST", "status": "429"}
        assert server.count("sentiline_requests_total", **labels) == 1
        assert server.count("sentiline_request_seconds_count", route=template) == 0
    assert server.count("sentiline_errors_total", error_type="overloaded") == len(urls)


def test_slashes_that_clients_add_do_not_make_a_rejection_expensive() -> None:
    server = FullServer(6400)
    for url in (b"/predict/", b"//predict", b"/hf/?x=1", b"/hf/models/a/"):
        assert server.reject(url)
    assert server.count("sentiline_errors_total", error_type="overloaded") == 4
    assert not server.reject(b"/unknown/")


def test_rejections_do_not_hide_the_latency_of_other_requests() -> None:
    """Neither do those on the normal path."""
    server = FullServer(6400)
    for _ in range(200):
        server.reject()
        server.metrics.observe_request("/predict", "POST", 429, 0.001)
    server.metrics.observe_request("/predict", "POST", 200, 2.0)
    server.metrics.observe_request("/predict", "POST", 504, 3.0)
    assert server.count("sentiline_requests_total", route="/predict", status="429") == 400
    assert server.count("sentiline_request_seconds_count", route="/predict") == 2
    assert server.count("sentiline_request_seconds_bucket", route="/predict", le="1.0") == 0


def test_requests_that_need_another_answer_take_the_normal_path() -> None:
    server = FullServer(6400, max_body_bytes=4096, api_keys=(KEY,), cors_origins=("https://example.org",))
    valid = [*LENGTH, (b"authorization", b"Bearer " + KEY.encode())]
    assert server.reject(headers=valid)
    for url in (b"/", b"/predict/x", b"/pre%64ict", b"/models/bilstm", b"/v2/models/a/b/infer"):
        assert not server.reject(url, valid)
    assert not server.reject(method=b"GET", headers=valid)
    for more in (
        (b"transfer-encoding", b"chunked"),
        (b"expect", b"100-continue"),
        (b"origin", b"https://example.org"),
        (b"content-length", b"4097"),
    ):
        assert not server.reject(headers=[*valid, more])
    assert not server.reject(headers=[header for header in valid if header[0] != b"content-length"])
    assert not server.reject(headers=LENGTH)  # 401
    assert not server.reject(headers=[*LENGTH, (b"x-api-key", b"another-key-of-characters")])
    assert server.count("sentiline_requests_total") == 1


SETTINGS = {
    "SENTILINE_THREADS": "1",
    "SENTILINE_MAX_PENDING_TOKENS": "1",
    "SENTILINE_MAX_BODY_BYTES": str(1 << 26),
    "SENTILINE_MAX_ITEMS": "100000",
    "SENTILINE_TIMEOUT_MS": "600000",
}


@pytest.fixture(scope="module")
def full(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A single process whose queue is full for as long as anything is in it, which is some seconds."""
    home = tmp_path_factory.mktemp("full")
    with Server(home, single_process=True, SENTILINE_MODELS=str(models), **SETTINGS) as running:
        yield running.wait_until_ready()
        assert "Traceback" not in running.log


@pytest.fixture(scope="module")
def supervised(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same with BentoML's supervisor."""
    with Server(tmp_path_factory.mktemp("supervised"), SENTILINE_MODELS=str(models), **SETTINGS) as running:
        yield running.wait_until_ready()
        assert "Traceback" not in running.log


@contextlib.contextmanager
def occupied(server: Server) -> Iterator[None]:
    """Keep the queue full until the block ends."""
    body = orjson.dumps({"inputs": ["A film to remember. " * 250] * 2000, "detail": "none"})
    wait_until(lambda: metric(server, "sentiline_pending_texts") == 0, "the queue is never empty")
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as heavy:
        heavy.sendall(POST + b"content-length: %d\r\n\r\n" % len(body) + body)
        wait_until(lambda: metric(server, "sentiline_pending_texts") == 2000, "the list is never accepted")
        yield
        assert metric(server, "sentiline_pending_texts") == 2000


class Talk:
    """A connection whose answers are taken one by one."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=120)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def say(self, data: bytes) -> None:
        self._socket.sendall(data)

    def hear(self) -> tuple[int, dict[str, str], dict[str, object]]:
        """Status, headers and object of the next answer."""
        lines = [line.decode() for line in iter(self._file.readline, b"\r\n")]
        headers = dict(line.rstrip("\r\n").split(": ", 1) for line in lines[1:])
        return int(lines[0].split(" ")[1]), headers, json.loads(self._file.read(int(headers["content-length"])))


@pytest.mark.parametrize("fixture", ["supervised", "full"])
def test_a_full_server_rejects_and_keeps_the_connection(fixture: str, request: pytest.FixtureRequest) -> None:
    full: Server = request.getfixturevalue(fixture)
    name = 'sentiline_requests_total{method="POST",route="/predict",status="429"}'
    before = metric(full, name)
    with occupied(full), Talk(full) as talk:
        talk.say(WHOLE)
        status, headers, body = talk.hear()
        assert (status, body["error_type"], body["limit"]) == (429, "overloaded", 1)
        assert int(headers["retry-after"]) >= 1
        assert {"date", "content-type"} <= headers.keys()
        talk.say(WHOLE + GET + WHOLE)  # answered in their order
        assert [talk.hear()[0] for _ in range(3)] == [429, 200, 429]
        head = POST + b"content-length: 1000\r\n\r\n"
        talk.say(head + b"x" * 10)
        assert talk.hear()[0] == 429  # before its body is there
        talk.say(b"x" * 500)
        talk.say(b"x" * 490 + WHOLE)
        assert talk.hear()[0] == 429
        assert metric(full, name) == before + 5
        assert httpx.get(f"{full.url}/readyz", timeout=120).status_code == 200
    wait_until(lambda: metric(full, "sentiline_pending_texts") == 0, "what is left behind is never dropped")
    assert httpx.post(f"{full.url}/predict", content=BODY, headers={"content-type": "application/json"}).is_success


def test_the_normal_path_ends_in_the_same_rejection(full: Server) -> None:
    chunked = CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    old = WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0")
    kept = old.replace(b"host: x", b"connection: keep-alive")
    last = WHOLE.replace(b"host: x", b"host: x\r\nconnection: close")
    unknown = WHOLE.replace(b"/predict", b"/nothing")
    with occupied(full):
        for pieces in (old, kept, last, WHOLE + chunked + last):
            with socket.create_connection(("127.0.0.1", full.port), timeout=120) as connection:
                connection.sendall(pieces)
                found = split(b"".join(iter(partial(connection.recv, 65536), b"")))
            assert [(status, body["error_type"]) for status, body in found] == [(429, "overloaded")] * len(found)
            assert len(found) == (3 if pieces.startswith(WHOLE) else 1)
        with Talk(full) as talk:
            talk.say(unknown)
            assert talk.hear()[0] == 404


def test_unread_rejections_fill_no_memory(full: Server) -> None:
    """The server stops reading, as it does for other answers, so the client cannot go on sending."""
    with occupied(full), socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", full.port))
        connection.settimeout(1)
        sent = 0
        flood = WHOLE * 500
        with contextlib.suppress(TimeoutError):
            while sent < 1 << 26:
                sent += connection.send(flood)
        assert sent < 1 << 26
