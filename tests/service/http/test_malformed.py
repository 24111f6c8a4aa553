"""Malformed and hostile requests, beyond the wrong documents of test_errors.py: framing, sizes, halves, hang-ups.

Each is refused with its status and the one JSON object, and the server is alive and right afterwards.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentiline.predictor import Predictor
from sentiline.reading import Reading
from tests.service.error_checks import JSON, check_error
from tests.service.server import Server

REVIEW = "I loved the first half; the second half is a bore."
BODY = b'{"inputs": "good"}'
HEAD = b"POST /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n"
TENSOR = {"name": "text", "shape": [1], "datatype": "BYTES"}
INFER = "/v2/models/bilstm/infer"
HALF_REQUESTS = 200


@pytest.fixture(autouse=True)
def alive_and_right(client: httpx.Client, predictor: Predictor) -> Iterator[None]:
    """After every test the server answers as the predictor in this process does, and nothing is left over."""
    yield
    [reading] = predictor.read([REVIEW])
    assert isinstance(reading, Reading)
    answer = client.post("/predict", json={"inputs": REVIEW})
    assert (answer.status_code, answer.json()["predictions"]) == (200, [reading.as_dict("timesteps")])
    assert client.get("/readyz").status_code == 200


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=120)


def exchange(server: Server, request: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes as they are; everything that comes back until the server closes."""
    with connect(server) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionResetError):  # closed before all was read: what came before still counts
            while part := connection.recv(65536):
                received += part
    return received


def status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer.split(b" ", 2)[1])


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def metric(client: httpx.Client, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    assert found, name
    return float(found[1])


@pytest.mark.parametrize(
    ("path", "document", "field"),
    [
        ("/predict", {"inputs": ["a"] * 100_000}, "inputs"),
        ("/hf", {"inputs": ["a"] * 100_000}, "inputs"),
        (INFER, {"inputs": [{**TENSOR, "shape": [100_000], "data": ["a"] * 100_000}]}, "inputs[0].data"),
        (INFER, {"inputs": [{**TENSOR, "shape": [1000, 100], "data": [["a"] * 100] * 1000}]}, "inputs[0].data"),
    ],
)
def test_a_hundred_thousand_items(client: httpx.Client, path: str, document: Any, field: str) -> None:
    body = check_error(client.post(path, json=document), 413, "too_many_items", field)
    assert (body["limit"], body["setting"]) == (128, "SENTILINE_MAX_ITEMS")
    assert "100000" in body["error"].replace(",", "")


def test_too_many_items_of_many_kinds(client: httpx.Client) -> None:
    """What they are does not matter, and nothing of them is in the answer."""
    items = [None, 5, {"secret": 1}, ["secret"], "secret"] * 50
    body = check_error(client.post("/predict", json={"inputs": items}), 413, "too_many_items", "inputs")
    assert "secret" not in json.dumps(body)


@pytest.mark.parametrize("path", ["/hf", INFER])
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b" \r\n", 400, "invalid_json"),
        (b"\0", 400, "invalid_json"),
        (b'{"inputs": "go', 400, "invalid_json"),
        (b'{"inputs": ["good"]}}', 400, "invalid_json"),
        (b'{"inputs": ["good"],}', 400, "invalid_json"),
        (b"{'inputs': 'good'}", 400, "invalid_json"),
        (b'\xef\xbb\xbf{"inputs": "good"}', 400, "invalid_json"),  # a byte order mark
        (b'{"inputs": [NaN, Infinity]}', 400, "invalid_json"),
        (b'{"inputs": 1' + b"0" * 6000 + b"}", 400, "invalid_json"),
        (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422, "nesting_too_deep"),
        (b'{"inputs": "\xc3"}', 400, "invalid_encoding"),
        (b'{"inputs": "\xf5\x80\x80\x80"}', 400, "invalid_encoding"),
        (b'{"inputs": 1e300}', 422, "invalid_type"),
        (b'{"inputs": -1}', 422, "invalid_type"),
        (b'"inputs"', 422, "invalid_type"),
        (b"null", 422, "invalid_type"),
    ],
)
def test_non_json_bodies_are_refused(client: httpx.Client, path: str, content: bytes, status: int, code: str) -> None:
    """On the routes that test_errors.py leaves out."""
    field = "inputs" if code == "invalid_type" and content.startswith(b'{"inputs"') else None
    check_error(client.post(path, content=content, headers=JSON), status, code, field)


@pytest.mark.parametrize(
    "shape", [[-1], [1.5], ["1"], [True], [2**63], [10**30], [2**31, 2**31], [1] * 9, [[1]], 1, {}]
)
def test_inconsistent_tensor_shapes_are_refused(client: httpx.Client, shape: Any) -> None:
    answer = client.post(INFER, json={"inputs": [{**TENSOR, "shape": shape, "data": ["good"]}]})
    assert answer.status_code == (413 if shape in ([2**63], [2**31, 2**31]) else 422), answer.text
    assert answer.json()["field"] in ("inputs[0].shape", "inputs[0].data")


def test_an_odd_nesting_is_only_a_nesting(client: httpx.Client) -> None:
    """Nested data is read in row-major order however deep it lies, as the protocol has it; up to the limit."""
    deep: Any = "good"
    for _ in range(20):
        deep = [deep]
    answer = client.post(INFER, json={"inputs": [{**TENSOR, "data": deep}]})
    flat = client.post(INFER, json={"inputs": [{**TENSOR, "data": ["good"]}]})
    assert (answer.status_code, answer.content) == (200, flat.content)


@pytest.mark.parametrize("escape", ["", "\\ud800"])
def test_duplicated_keys_are_refused(client: httpx.Client, escape: str) -> None:
    """JSON readers disagree about which of them counts; with the escape another parser reads the body."""
    content = f'{{"inputs": 5, "detail": "all", "inputs": "good film{escape}", "detail": "none"}}'.encode()
    answer = client.post("/predict", content=content, headers=JSON)
    assert (answer.status_code, answer.json()["error_type"]) == (400, "invalid_json")
    assert "appears twice in an object" in answer.json()["error"]
    single = f'{{"inputs": "good film{escape}", "detail": "none"}}'.encode()
    assert client.post("/predict", content=single, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: -1\r\n\r\n" + BODY,
        b"content-length: ten\r\n\r\n" + BODY,
        b"content-length: 18\r\ncontent-length: 5\r\n\r\n" + BODY,
        b"content-length: 99999999999999999999999\r\n\r\n" + BODY,
        b"content-length: 18\r\ntransfer-encoding: chunked\r\n\r\n12\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nzz\r\n" + BODY,
        b"x-nul: \0\r\ncontent-length: 18\r\n\r\n" + BODY,
        b"no colon\r\n\r\n",
    ],
)
def test_what_is_not_http(server: Server, framing: bytes) -> None:
    """The parser's own refusal, which no route sees: two readings of one request would be a way to smuggle a second."""
    check_not_http(exchange(server, HEAD + framing))


def check_not_http(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert (status(answer), head.count(b"\r\ncontent-type: application/json")) == (400, 1), answer
    assert json.loads(body)["error_type"] == "invalid_http"


@pytest.mark.parametrize(
    "opening",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(90)), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
)
def test_other_protocols_are_refused(server: Server, opening: bytes) -> None:
    check_not_http(exchange(server, opening, half_close=True))


def test_a_body_shorter_than_its_length(server: Server, client: httpx.Client) -> None:
    """The client hangs up in the middle: nobody is left to answer, but it is counted."""
    name = 'sentiline_errors_total{error_type="incomplete_body"}'
    before = metric(client, name)
    exchange(server, HEAD + b"content-length: 100\r\n\r\n" + BODY, half_close=True)
    exchange(server, HEAD + b"transfer-encoding: chunked\r\n\r\n12\r\n" + BODY[:5], half_close=True)
    wait_until(lambda: metric(client, name) == before + 2, "two incomplete bodies were not counted")


def test_a_body_longer_than_its_length(server: Server) -> None:
    """The surplus is no part of the body, and on a connection to be closed it is not a request either."""
    answer = exchange(server, HEAD + b"content-length: 18\r\n\r\n" + BODY + b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
    assert status(answer) == 200
    assert answer.count(b"HTTP/1.1 ") == 1


def test_requests_sent_without_waiting_are_answered_in_order(server: Server) -> None:
    keep = HEAD.replace(b"connection: close\r\n", b"")
    texts = [b"good film number %d" % number for number in range(10)]
    bodies = [b'{"inputs": "%b", "detail": "timesteps"}' % text for text in texts]
    requests = [keep + b"content-length: %d\r\n\r\n" % len(body) + body for body in bodies]
    requests[-1] = requests[-1].replace(b"host: x\r\n", b"host: x\r\nconnection: close\r\n")
    answers = exchange(server, b"".join(requests)).split(b"HTTP/1.1 200 OK\r\n")[1:]
    numbers = [
        json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"][0]["timesteps"][-1]["token"] for answer in answers
    ]
    assert numbers == [str(number) for number in range(10)]


@pytest.mark.parametrize(
    "content", [b"\x01\0\0\0", b"\xff\xff\xff\xff" + BODY, struct.pack("<I", 2**31) + b"good", b"\x04\0\0\0good\x01"]
)
def test_binary_data_that_lies_about_its_length(client: httpx.Client, content: bytes) -> None:
    document = {"inputs": [{**TENSOR, "parameters": {"binary_data_size": len(content)}}]}
    head = json.dumps(document).encode()
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))}
    check_error(client.post(INFER, content=head + content, headers=headers), 422, "invalid_shape", "inputs[0].data")


@pytest.mark.parametrize("header", ["0" * 5000, "9" * 5000, "1" * 21, "-1", "+1", "", "0x1"])
def test_a_size_of_the_json_that_is_no_number_of_bytes(client: httpx.Client, header: str) -> None:
    field = "inference-header-content-length"
    headers = {"content-type": "application/octet-stream", field: header}
    check_error(client.post(INFER, content=b"{}", headers=headers), 422, "invalid_shape", field)


def test_an_id_that_cannot_be_echoed(client: httpx.Client) -> None:
    document = {"id": "whole \U0001f3ac", "inputs": [{**TENSOR, "data": ["good"]}]}
    answer = client.post(INFER, content=json.dumps(document), headers=JSON)
    assert (answer.status_code, answer.json()["id"]) == (200, document["id"])
    document["id"] = "half \ud83c"
    check_error(client.post(INFER, content=json.dumps(document), headers=JSON), 422, "invalid_option", "id")


@pytest.mark.parametrize("digits", [20, 300, 4000])
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("half", ["", "\\ud800"])
def test_numbers_of_many_digits(client: httpx.Client, digits: int, sign: str, half: str) -> None:
    """Whichever parser reads the body, they are numbers of the same kind, and no error repeats them."""
    number = sign + "9" * digits
    bodies = {
        "/hf": {"inputs": "good HALF", "parameters": {"top_k": "NUMBER"}},
        INFER: {"inputs": [{**TENSOR, "shape": ["NUMBER"], "data": ["good HALF"]}]},
    }
    for path, document in bodies.items():
        content = json.dumps(document).replace('"NUMBER"', number).replace("HALF", half)
        answer = client.post(path, content=content, headers=JSON)
        expected = (422, "invalid_type") if digits < 310 else (400, "invalid_json")
        assert (answer.status_code, answer.json()["error_type"]) == expected
        assert len(answer.text) < 500


def descriptors(server: Server) -> int:
    return sum(len(list(Path(f"/proc/{worker}/fd").iterdir())) for worker in server.workers)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    "half",
    [
        b"POST /pre",
        HEAD,
        HEAD + b"content-length: 1000\r\n\r\n" + BODY[:9],
        HEAD + b"transfer-encoding: chunked\r\n\r\n12\r\n" + BODY[:9],
    ],
    ids=["line", "headers", "body", "chunk"],
)
def test_half_requests_keep_nobody_waiting(server: Server, client: httpx.Client, half: bytes) -> None:
    """Slow loris: many connections that never finish a request; others are served, and what they held is given back."""
    client.get("/livez")
    before = descriptors(server)
    with contextlib.ExitStack() as stack:
        for _ in range(HALF_REQUESTS):
            stack.enter_context(connect(server)).sendall(half)
        wait_until(lambda: descriptors(server) >= before + HALF_REQUESTS, "the half requests never arrived")
        for _ in range(5):
            assert client.post("/predict", json={"inputs": REVIEW}).status_code == 200
        assert metric(client, "sentiline_pending_texts") == 0
    wait_until(lambda: descriptors(server) <= before, "the descriptors of closed connections are still held")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
def test_clients_that_hang_up_before_the_answer(server: Server, client: httpx.Client) -> None:
    texts = [f"{number} " + "a good film but the plot is bad " * 80 for number in range(64)]
    body = json.dumps({"inputs": texts}).encode()
    client.get("/livez")
    before = descriptors(server)
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(connect(server))
            # an abortive close: the server's next write meets a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        wait_until(lambda: metric(client, "sentiline_pending_texts") > 0, "the requests never arrived")
    wait_until(lambda: metric(client, "sentiline_pending_texts") == 0, "texts of clients that are gone still wait")
    wait_until(lambda: descriptors(server) <= before, "the descriptors of closed connections are still held")


def test_nothing_of_it_was_an_internal_error(client: httpx.Client, server: Server) -> None:
    """Last in this file: all the above went through one server."""
    assert metric(client, 'sentiline_errors_total{error_type="internal_error"}') == 0
    assert "Traceback" not in server.log
