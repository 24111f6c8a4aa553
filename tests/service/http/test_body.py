"""Bodies as they arrive: compressed, too deep, wrong in ways that have a name, slow; limits are kept while reading."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import re
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson
import pytest

from service.errors import ServiceError
from service.http.body import LARGE_BODY, parse_body
from service.http.json_parsing import parse_json
from service.settings import Settings
from tests.service.error_checks import JSON, check_error
from tests.service.server import Server

BODY = b'{"inputs": "A good film.", "detail": "none"}'
LIMIT = 4 * 1024 * 1024


def compressed(content: bytes, encoding: str) -> bytes:
    return gzip.compress(content, 9) if encoding.endswith("gzip") else zlib.compress(content, 9)


def post(client: httpx.Client, content: bytes, encoding: str, path: str = "/predict") -> httpx.Response:
    return client.post(path, content=content, headers={**JSON, "content-encoding": encoding})


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate", "identity"])
def test_compressed_bodies_are_read(client: httpx.Client, encoding: str) -> None:
    content = BODY if encoding == "identity" else compressed(BODY, encoding.lower())
    answer = post(client, content, encoding)
    assert answer.status_code == 200
    assert answer.json() == client.post("/predict", content=BODY, headers=JSON).json()


def test_the_other_routes_read_them_too(client: httpx.Client) -> None:
    assert post(client, gzip.compress(b'{"inputs": "good"}'), "gzip", "/hf").status_code == 200
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good"]}
    content = gzip.compress(json.dumps({"inputs": [tensor]}).encode())
    assert post(client, content, "gzip", "/v2/models/bilstm/infer").status_code == 200


def test_a_body_of_several_members_in_several_pieces(server: Server) -> None:
    content = gzip.compress(BODY[:20]) + gzip.compress(BODY[20:])
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    pieces = iter([content[:5], content[5:40], content[40:]])
    connection.request("POST", "/predict", pieces, {**JSON, "content-encoding": "gzip"}, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "nonsense"])
def test_other_encodings_are_refused(client: httpx.Client, encoding: str) -> None:
    body = check_error(post(client, BODY, encoding), 415, "unsupported_content_encoding", "content-encoding")
    assert "gzip, deflate" in body["error"]


@pytest.mark.parametrize(
    ("content", "encoding", "reason"),
    [
        (BODY, "gzip", "is damaged"),
        (BODY, "deflate", "is damaged"),
        (gzip.compress(BODY, mtime=0)[:-9], "gzip", "ends too early"),
        (b"", "gzip", "ends too early"),
        (gzip.compress(BODY, mtime=0) + b"more", "gzip", "is damaged"),
        (zlib.compress(BODY) + b"more", "deflate", "goes on after its end"),
    ],
)
def test_what_is_not_compressed_as_it_says(client: httpx.Client, content: bytes, encoding: str, reason: str) -> None:
    body = check_error(post(client, content, encoding), 400, "invalid_compression", "content-encoding")
    assert reason in body["error"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_the_limit_is_that_of_the_decompressed_body(client: httpx.Client, encoding: str) -> None:
    fits = BODY[:-1] + b" " * (LIMIT - len(BODY)) + b"}"
    assert post(client, compressed(fits, encoding), encoding).status_code == 200
    body = check_error(post(client, compressed(fits + b" ", encoding), encoding), 413, "body_too_large")
    assert (body["limit"], body["setting"]) == (LIMIT, "SENTILINE_MAX_BODY_BYTES")
    assert f"has at least {LIMIT + 1} bytes once decompressed and the limit is {LIMIT}" in body["error"]


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs Linux's /proc")
def test_a_bomb_needs_no_memory(server: Server) -> None:
    """Two megabytes that become two gigabytes: refused when the limit is passed, not when all is unpacked."""
    bomb = gzip.compress(b" " * (1 << 26), 9) * 32
    assert len(bomb) < LIMIT
    (worker,) = server.workers

    def peak() -> int:
        (line,) = [line for line in Path(f"/proc/{worker}/status").read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) // 1024

    before = peak()
    for _ in range(3):
        body = check_error(
            httpx.post(
                f"{server.url}/predict", content=bomb, headers={**JSON, "content-encoding": "gzip"}, timeout=120
            ),
            413,
            "body_too_large",
        )
        assert "once decompressed" in body["error"]
    assert peak() - before < 48  # MiB: the body as sent, the limit, and the chunks of both


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b'{"inputs": NaN}', "it contains NaN, which JSON does not allow"),
        (b'{"inputs": "good", "x": -Infinity}', "it contains -Infinity, which JSON does not allow"),
        (b'{"inputs": "\\ud800", "model": NaN}', "it contains NaN, which JSON does not allow"),
        (b'{"inputs": "\\ud800", "model": }', "Expecting value: line 1 column 31"),
        (b'{"inputs": "\\ud800"', "Expecting ',' delimiter: line 1 column 20"),
        (b'{"inputs": "good", "x": 1' + b"0" * 6000 + b"}", "a number is too large"),
    ],
)
def test_the_reason_is_the_one_that_matters(client: httpx.Client, content: bytes, reason: str) -> None:
    body = check_error(client.post("/predict", content=content, headers=JSON), 400, "invalid_json")
    assert reason in body["error"]
    assert "surrogate" not in body["error"]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"inputs": "good", "x": ' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}",
        b'{"inputs": "\\ud800", "x": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"inputs": "\\ud800", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_deep_nesting_is_refused(client: httpx.Client, content: bytes) -> None:
    body = check_error(client.post("/predict", content=content, headers=JSON), 422, "nesting_too_deep")
    assert (body["limit"], body["setting"]) == (32, "SENTILINE_MAX_JSON_DEPTH")
    assert "at least 33 deep and the limit is 32" in body["error"]


def test_a_large_body_is_parsed_in_a_thread() -> None:
    async def done_at_once(body: bytes) -> bool:
        parsing = asyncio.create_task(parse_body(body, Settings()))
        await asyncio.sleep(0)
        at_once = parsing.done()
        assert await parsing == json.loads(body)
        return at_once

    small = b'{"inputs": "\\ud83d"}'
    assert asyncio.run(done_at_once(small))
    assert not asyncio.run(done_at_once(small + b" " * LARGE_BODY))


@pytest.mark.parametrize("inner", [b"[],", b"{},", b"[[]],", b'{"a":{}},'])
def test_too_many_containers_are_refused(client: httpx.Client, inner: bytes) -> None:
    content = b'{"inputs": ["good", %b"good"]}' % (inner * (2_000_000 // len(inner)))
    body = check_error(client.post("/predict", content=content, headers=JSON), 413, "too_many_items")
    assert (body["limit"], body.get("setting")) == (32 * 128, None)  # which is that of no one setting
    seen = re.search(r"at least (\d+) lists and objects and the limit is 4096, (\w+) times (\w+);", body["error"])
    assert seen
    assert int(seen[1]) > 4096
    assert seen.groups()[1:] == ("SENTILINE_MAX_JSON_DEPTH", "SENTILINE_MAX_ITEMS")


def test_the_limit_of_containers_is_exact_and_none_is_made() -> None:
    for count in (1, 7, 50_000):  # the last is several blocks long
        body = b"[" + b",".join([b"{}", b"[ ]"] * count)[: -3 - 1] + b"]"
        assert body.count(b"[") + body.count(b"{") == 2 * count
        assert parse_json(body, 2, 2 * count) == json.loads(body)
        with pytest.raises(ServiceError, match=f"at least {2 * count} lists .* limit is {2 * count - 1},"):
            parse_json(body + b"nonsense", 2, 2 * count - 1)  # which the parser does not get to see


@pytest.mark.parametrize("seed", range(20))
def test_what_is_in_strings_does_not_count(seed: int) -> None:
    """Random documents with brackets, quotes and backslashes in their texts, longer than one block."""
    random = Random(seed)
    seen = {"containers": 0, "depth": 0}

    def make(depth: int) -> Any:
        if depth > 6 or random.random() < 0.3:
            return "".join(random.choices('[]{}"\\ aé\n', k=random.randrange(60)))
        seen["containers"] += 1
        seen["depth"] = max(seen["depth"], depth)
        if random.random() < 0.5:
            return [make(depth + 1) for _ in range(random.randrange(4))]
        return {f'{number}"[\\': make(depth + 1) for number in range(random.randrange(4))}

    document = [make(2) for _ in range(4000)]
    body = orjson.dumps(document)
    assert len(body) > 65536
    containers, depth = seen["containers"] + 1, max(seen["depth"], 1)
    assert parse_json(body, depth, containers) == document
    for less in ((depth - 1, containers), (depth, containers - 1)):
        with pytest.raises(ServiceError, match=r"nests|has at least"):
            parse_json(body, *less)


@pytest.mark.parametrize("deepest", [b"[]", b"{}", b"[1]"])
def test_the_limit_of_nesting_is_exact(deepest: bytes) -> None:
    for depth in (1, 2, 5):
        body = b'{"a":' * (depth - 1) + deepest + b"}" * (depth - 1)
        assert parse_json(body, depth, 100) == json.loads(body)
        with pytest.raises(ServiceError, match=f"at least {depth + 1} deep and the limit is {depth}"):
            parse_json(b"[[], " + body + b"]", depth, 100)


def test_brackets_in_texts_are_no_nesting(client: httpx.Client) -> None:
    text = "good [[[ {{{ " * 50
    assert client.post("/predict", json={"inputs": [text] * 3, "detail": "none"}).status_code == 200
    allowed = b'{"inputs": "good", "x": ' + b"[" * 31 + b"]" * 31 + b"}"
    check_error(client.post("/predict", content=allowed, headers=JSON), 422, "unknown_field", "x")


def test_a_client_that_asks_first_is_not_told_to_send_too_much(server: Server) -> None:
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n"
    for length, first in ((LIMIT + 1, b"HTTP/1.1 413 "), (len(BODY), b"HTTP/1.1 100 ")):
        with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
            connection.sendall(head + b"content-length: %d\r\n\r\n" % length)
            assert connection.recv(65536).startswith(first)
            if first.endswith(b"100 "):
                connection.sendall(BODY)
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    settings = {"SENTILINE_MODELS": str(models), "SENTILINE_TIMEOUT_MS": "300", "SENTILINE_THREADS": "1"}
    with Server(tmp_path_factory.mktemp("hasty"), single_process=True, **settings) as running:
        yield running.wait_until_ready()


def test_a_body_that_does_not_arrive_is_not_waited_for(hasty: Server) -> None:
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
    for sent in (head, head + BODY):  # of 100 bytes none, and some
        with socket.create_connection(("127.0.0.1", hasty.port), timeout=120) as connection:
            connection.sendall(sent)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            body = json.loads(answer.read())
        assert (answer.status, body["error_type"], body["setting"]) == (408, "body_timeout", "SENTILINE_TIMEOUT_MS")
    assert httpx.get(f"{hasty.url}/readyz").status_code == 200
