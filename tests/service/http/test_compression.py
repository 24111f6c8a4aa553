"""Large answers are compressed for clients that accept gzip; small ones and those of other clients never are."""

from __future__ import annotations

import gzip

import httpx
import pytest

from service.http.compression import accepts_gzip
from service.settings import Settings
from tests.service.server import Server

LARGE = {"inputs": ["good film, but a bad plot " * 20] * 20}


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5, br", True),
        ("x-gzip", True),
        ("*", True),
        ("*;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("br, identity", False),
        ("gzip;q=much", False),
        ("gzipped", False),
        ("", False),
    ],
)
def test_what_a_client_accepts(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def raw(server: Server, path: str, encoding: str, document: object = None) -> tuple[httpx.Response, bytes]:
    method = "GET" if document is None else "POST"
    headers = {"accept-encoding": encoding}
    with httpx.stream(method, server.url + path, json=document, headers=headers, timeout=120) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize(("path", "document"), [("/predict", LARGE), ("/openapi.json", None)])
def test_large_answers(server: Server, path: str, document: object) -> None:
    plain, content = raw(server, path, "identity", document)
    assert len(content) >= Settings().compression_min_bytes
    assert "content-encoding" not in plain.headers
    assert "accept-encoding" in plain.headers["vary"].lower()
    packed, compressed = raw(server, path, "gzip", document)
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(compressed) < len(content) / 2
    assert gzip.decompress(compressed) == content


def test_small_answers_and_files_stay_plain(server: Server) -> None:
    for path, document in (("/predict", {"inputs": "good film"}), ("/livez", None), ("/", None)):
        answer, _ = raw(server, path, "gzip", document)
        assert answer.status_code == 200
        assert "content-encoding" not in answer.headers
