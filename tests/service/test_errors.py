"""Every refusal over HTTP: one JSON object with the right status, whatever is wrong and wherever it is sent."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

import httpx
import pytest

from sentiline.errors import DataFileError, InputError
from service.errors import CODES
from tests.service.error_checks import JSON, ROUTES, check_error
from tests.service.server import Server


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        ({"inputs": ""}, "empty_text", "inputs"),
        ({"inputs": " \n\t "}, "empty_text", "inputs"),
        ({"inputs": "\0"}, "empty_text", "inputs"),
        ({"inputs": "<br /> … --- "}, "empty_text", "inputs"),
        ({"inputs": "\ud83d"}, "empty_text", "inputs"),
        ({"inputs": []}, "empty_list", "inputs"),
        ({"inputs": 5}, "invalid_type", "inputs"),
        ({"inputs": True}, "invalid_type", "inputs"),
        ({"inputs": {"text": "good"}}, "invalid_type", "inputs"),
        ({"inputs": None}, "missing_field", "inputs"),
        ({}, "missing_field", "inputs"),
        ([], "invalid_type", None),
        ("good film", "invalid_type", None),
        (None, "invalid_type", None),
        (1e999, "invalid_json", None),
        ({"inputs": "good", "input": "good"}, "unknown_field", "input"),
        ({"inputs": "good", "\ud800": 1}, "unknown_field", "?"),
        ({"inputs": "good", "model": 5}, "invalid_type", "model"),
        ({"inputs": "good", "truncation": "middle"}, "invalid_option", "truncation"),
        ({"inputs": "good", "truncation": ["head"]}, "invalid_type", "truncation"),
        ({"inputs": "good", "detail": "all"}, "invalid_option", "detail"),
        ({"inputs": "good " * 5000, "truncation": "error"}, "text_too_long", "inputs"),
        ({"inputs": "good " * 50_000}, "text_too_long", "inputs"),
    ],
)
def test_unusable_documents(client: httpx.Client, document: Any, code: str, field: str | None) -> None:
    answer = client.post("/predict", content=json.dumps(document).encode(), headers=JSON)
    check_error(answer, 400 if code == "invalid_json" else 422, code, field)


def test_a_text_beyond_the_limit_of_characters(client: httpx.Client) -> None:
    """On every route: the limit, its setting and what was sent."""
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a" * 100_001]}
    for path, document, field in (
        ("/predict", {"inputs": "a" * 100_001}, "inputs"),
        ("/predict", {"inputs": ["a" * 100_001, "good"]}, "inputs[0]"),
        ("/hf", {"inputs": "a" * 100_001}, "inputs"),
        ("/v2/models/tiny/infer", {"inputs": [tensor]}, "inputs[0].data[0]"),
    ):
        body = client.post(path, json=document).json()
        error = body["predictions"][0] if "predictions" in body else body
        found = [error[key] for key in ("error_type", "field", "limit", "setting")]
        assert found == ["text_too_long", field, 100_000, "SENTILINE_MAX_TEXT_CHARACTERS"]
        assert "100001 characters and the limit is 100000" in error["error"]


def test_no_text_of_a_list_can_be_scored(client: httpx.Client) -> None:
    body = check_error(
        client.post("/predict", json={"inputs": ["", 5, "good " * 50_000]}), 422, "empty_text", "inputs[0]"
    )
    assert [slot["error_type"] for slot in body["predictions"]] == ["empty_text", "invalid_type", "text_too_long"]
    assert body["index"] == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_json"),
        (b"   ", "invalid_json"),
        (b'{"inputs": "good"', "invalid_json"),
        (b"inputs=good", "invalid_json"),
        (b'{"inputs": NaN}', "invalid_json"),
        (b'{"inputs": "\\ud800", "model": NaN}', "invalid_json"),
        (b'{"inputs": "good", "x": 1' + b"0" * 6000 + b"}", "invalid_json"),
        (b'{"inputs": "\xff"}', "invalid_encoding"),
        (b'{"inputs": "\xed\xa0\xbd"}', "invalid_encoding"),
        ('{"inputs": "good"}'.encode("utf-16"), "invalid_encoding"),
    ],
)
def test_what_is_not_json(client: httpx.Client, content: bytes, code: str) -> None:
    body = check_error(client.post("/predict", content=content, headers=JSON), 400, code)
    assert "good" not in body["error"]


@pytest.mark.parametrize("model", ["nobody", "", "../bilstm", "/etc", "\ud800", "tiny/", "x" * 100_000])
def test_unknown_model(client: httpx.Client, model: str) -> None:
    answer = client.post("/predict", content=json.dumps({"inputs": "good", "model": model}).encode(), headers=JSON)
    body = check_error(answer, 404, "model_not_found", "model")
    assert {"bilstm", "tiny", "plain", "broken"} <= set(body["models"])
    assert "bilstm" in body["error"]


def test_broken_model(client: httpx.Client, server: Server) -> None:
    for _ in range(2):
        body = check_error(
            client.post("/predict", json={"inputs": "good", "model": "broken"}), 503, "model_unavailable", "model"
        )
        assert "SHA-256" not in body["error"]  # the log's business
    assert "broken/model.int8.onnx is damaged" in server.log
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "the content type is missing"),
        ("", "the content type is missing"),
        ("text/plain", "the content type is 'text/plain'"),
        ("application/x-www-form-urlencoded", "the content type is 'application/x-www-form-urlencoded'"),
        ("application/json; charset=latin-1", "the character set in the content type is 'latin-1'; send UTF-8"),
        ('application/json; foo=bar; charset="utf-16"', "the character set in the content type is '\"utf-16\"'"),
        ("*/*", "the content type is '*/*'"),
    ],
)
def test_content_type(client: httpx.Client, header: str | None, reason: str) -> None:
    headers = {} if header is None else {"content-type": header}
    answer = client.post("/predict", content=b'{"inputs": "good"}', headers=headers)
    assert check_error(answer, 415, "unsupported_media_type", "content-type")["error"].startswith(reason)


@pytest.mark.parametrize(
    "parameters", ["", "; charset=utf-8", ';charset="UTF-8"', "; foo=bar", "; profile=x;charset=utf8"]
)
def test_parameters_of_the_content_type(client: httpx.Client, parameters: str) -> None:
    headers = {"content-type": f"Application/JSON{parameters}"}
    assert client.post("/predict", content=b'{"inputs": "good"}', headers=headers).status_code == 200


def test_too_many_texts(client: httpx.Client) -> None:
    body = check_error(client.post("/predict", json={"inputs": ["a"] * 129}), 413, "too_many_items", "inputs")
    assert (body["limit"], body["setting"]) == (128, "SENTILINE_MAX_ITEMS")
    assert "129" in body["error"]
    assert client.post("/predict", json={"inputs": ["good"] * 128, "detail": "none"}).status_code == 200


def test_too_large_a_body(client: httpx.Client) -> None:
    limit = 4 * 1024 * 1024
    padded = b'{"inputs": "good", "detail": "none"' + b" " * limit
    fits = padded[: limit - 1] + b"}"
    assert client.post("/predict", content=fits, headers=JSON).status_code == 200
    body = check_error(client.post("/predict", content=fits + b" ", headers=JSON), 413, "body_too_large")
    assert (body["limit"], body["setting"]) == (limit, "SENTILINE_MAX_BODY_BYTES")


def test_a_client_that_sends_everything_before_it_reads_gets_the_refusal_too(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("POST", "/predict", b'{"inputs": "' + b"good " * 1_000_000 + b'"}', JSON)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error_type"]) == (413, "body_too_large")
    connection.close()


def test_an_endless_body_is_refused_while_it_is_read(server: Server) -> None:
    """No length is announced and the body never ends; the answer comes when the limit is passed."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        for _ in range(65):  # 65 * 64 KiB: just beyond 4 MiB
            connection.sendall(chunk)
        head = connection.recv(4096)
    assert head.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_wrong_method(client: httpx.Client, path: str, method: str) -> None:
    if method == ROUTES[path]:
        return
    answer = client.request(method, path)
    check_error(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == ("POST" if ROUTES[path] == "POST" else "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/predict/x",
        "/docs.json",
        "/static_content/index.css",
        "/%00%ff%F0%9F",
        "/?/a",
        "/..%2fetc",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_path(client: httpx.Client, path: str, method: str) -> None:
    if path == "/?/a":  # a query, not a path
        assert client.request(method, path).status_code == (200 if method == "GET" else 405)
        return
    check_error(client.request(method, client.base_url.copy_with(raw_path=path.encode())), 404, "not_found")


def test_no_websockets(server: Server) -> None:
    request = (
        b"GET /predict HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error_type"] == "method_not_allowed"


def test_head_is_answered_like_get(client: httpx.Client) -> None:
    for path in ("/", "/livez", "/readyz", "/schema.json"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]


def test_every_error_of_a_text_has_a_code_that_metrics_know() -> None:
    def tree(kind: type[InputError]) -> set[type[InputError]]:
        return {kind}.union(*map(tree, kind.__subclasses__()))

    texts = tree(InputError) - tree(DataFileError)  # those are about files of `sentiline score`
    assert {kind.code for kind in texts} <= CODES


def test_nothing_of_it_was_an_internal_error(client: httpx.Client, server: Server) -> None:
    """Last in this file: all the above went through one server."""
    assert 'sentiline_errors_total{error_type="internal_error"} 0.0' in client.get("/metrics").text
    assert "Traceback" not in server.log
