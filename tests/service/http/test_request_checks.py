"""What HTTP and the service demand of every request: host, framing, one meaning for each path, key and parameter."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from service.http.json_parsing import parse_json
from tests.service.error_checks import JSON, check_error
from tests.service.http.raw import BODY, exchange
from tests.service.server import Server

CLOSE = b"connection: close\r\n"
START = b"POST /predict HTTP/1.1\r\ncontent-type: application/json\r\n" + CLOSE


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [
        (b"1.1", [], 400),
        (b"1.0", [], 200),
        (b"1.1", [b"a", b"b"], 400),
        (b"1.1", [b"a", b"a"], 400),
        (b"1.0", [b"a", b"b"], 400),
        (b"1.1", [b"a b"], 400),
        (b"1.1", [b"a/b"], 400),
        (b"1.1", [b"user@a"], 400),
        (b"1.1", [b""], 200),
        (b"1.1", [b"my_service.example:3000"], 200),
        (b"1.1", [b"[::1]:3000"], 200),
    ],
)
def test_exactly_one_host(server: Server, version: bytes, hosts: list[bytes], status: int) -> None:
    lines = b"".join(b"host: %b\r\n" % host for host in hosts)
    [(found, body)] = exchange(server, b"GET /livez HTTP/%b\r\n%b%b\r\n" % (version, lines, CLOSE))
    assert found == status
    assert status == 200 or (body["error_type"], body["field"]) == ("invalid_http", "host")


@pytest.mark.parametrize("codings", [[b"gzip, chunked"], [b"gzip", b"chunked"], [b"deflate,chunked"]])
def test_no_transfer_coding_is_passed_over(server: Server, codings: list[bytes]) -> None:
    lines = b"".join(b"transfer-encoding: %b\r\n" % coding for coding in codings)
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    [(status, body)] = exchange(server, START + b"host: x\r\n" + lines + b"\r\n" + chunk)
    assert (status, body["error_type"]) == (501, "unsupported_transfer_encoding")


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked"])
def test_chunked_bodies_are_read(server: Server, coding: bytes) -> None:
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    [(status, _)] = exchange(server, START + b"host: x\r\ntransfer-encoding: " + coding + b"\r\n\r\n" + chunk)
    assert status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/predict/"),
        ("POST", "//predict"),
        ("POST", "/hf/"),
        ("POST", "/hf/models/tiny//"),
        ("POST", "//hf//models/tiny"),
        ("GET", "/readyz/"),
        ("GET", "/v2/"),
        ("GET", "/v2/models/tiny/ready/"),
        ("GET", "/v2//models/tiny"),
        ("GET", "//"),
    ],
)
def test_slashes_at_the_end_and_repeated_ones_do_not_count(client: httpx.Client, method: str, path: str) -> None:
    url = client.base_url.copy_with(raw_path=path.encode())
    document = {"inputs": "good film"} if method == "POST" else None
    answer = client.request(method, url, json=document)
    assert answer.status_code == 200
    assert 'route="unmatched",status="200"' not in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/predict", "/hf", "/hf/models/tiny", "/predict/"])
@pytest.mark.parametrize("name", ["model", "detail", "top_k", "anything"])
def test_a_parameter_in_the_url_is_refused(client: httpx.Client, path: str, name: str) -> None:
    answer = client.post(f"{path}?{name}=none", json={"inputs": "good film"})
    assert "in the JSON of the body" in check_error(answer, 422, "unknown_field", name)["error"]
    assert client.post(f"{path}?", json={"inputs": "good film"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "content", "key"),
    [
        ("/predict", b'{"inputs": "good", "inputs": "bad"}', "inputs"),
        ("/predict", b'{"inputs": "good", "\\u0069nputs" :"bad"}', "inputs"),
        ("/predict", b'{"inputs": "\\ud800 good", "detail": "none", "detail":"timesteps"}', "detail"),
        ("/predict", b'{"inputs": "he said \\"no\\": good", "model": "tiny",\n"model"\t:\n"plain"}', "model"),
        ("/hf", b'{"inputs": ["good"], "parameters": {"top_k": 1, "top_k": 2}}', "top_k"),
        ("/hf", b'{"inputs": ["good"], "options": [[{"a": 1, "b": {"c": 1, "c": 1}}]]}', "c"),
        ("/v2/models/tiny/infer", b'{"inputs": [{"name": "text", "name": "text"}]}', "name"),
    ],
)
def test_a_key_may_not_appear_twice_in_an_object(client: httpx.Client, path: str, content: bytes, key: str) -> None:
    body = check_error(client.post(path, content=content, headers=JSON), 400, "invalid_json", key)
    assert "good" not in body["error"]


@pytest.mark.parametrize(
    "value",
    [
        {"a": '"b": "b": ":', "c": [{"a": 1}, {"a": 2}, '":"']},
        ['":'] * 50,
        {"": {"": {"": '"":'}}},
        {"a": 2**70, "b": 1e300, "c": '"c":'},
        '"a": 1',
        5,
        None,
    ],
)
def test_text_that_looks_like_keys_is_no_key(value: Any) -> None:
    assert parse_json(json.dumps(value).encode(), 32, 1000) == json.loads(json.dumps(value), parse_int=float)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (["identity", "gzip"], 200),
        (["gzip", "identity"], 200),
        (["identity, gzip"], 200),
        (["", "gzip"], 200),
        (["gzip", "gzip"], 415),
        (["gzip, deflate"], 415),
        (["gzip", "br"], 415),
    ],
)
def test_all_content_encodings_count(client: httpx.Client, fields: list[str], status: int) -> None:
    headers = [("content-type", "application/json"), *(("content-encoding", field) for field in fields)]
    answer = client.post("/predict", content=gzip.compress(BODY), headers=headers)
    assert answer.status_code == status
    if status != 200:
        check_error(answer, 415, "unsupported_content_encoding", "content-encoding")


def test_two_content_types_are_refused_unless_they_agree(client: httpx.Client) -> None:
    for second, status in (("application/json", 200), ("text/plain", 415)):
        headers = [("content-type", "application/json"), ("content-type", second)]
        assert client.post("/predict", content=BODY, headers=headers).status_code == status
