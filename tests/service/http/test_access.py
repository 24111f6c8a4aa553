"""API keys and cross-origin requests, on a server that has both set; and on the one that has neither."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import InferenceClient
from starlette.datastructures import Headers

from service.http.api_keys import OPEN, ApiKeys, is_open
from tests.service.error_checks import ROUTES, check_error
from tests.service.server import Server

OLD, NEW = "old-key-0123456789", "new-key-9876543210"
ORIGIN = "https://app.example"
DOCUMENT = {"inputs": "A good film."}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    settings = {
        "SENTILINE_MODELS": str(models),
        "SENTILINE_API_KEYS": f"{OLD},{NEW}",
        "SENTILINE_CORS_ORIGINS": f"{ORIGIN},http://localhost:8080",
        "SENTILINE_ACCESS_LOG": "on",
    }
    with Server(tmp_path_factory.mktemp("locked"), single_process=True, **settings) as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="module")
def session(locked: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=locked.url, timeout=120) as opened:
        yield opened


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {OLD}"},
        {"authorization": f"bearer  {NEW}"},
        {"x-api-key": NEW},
        {"authorization": "Basic dTpw", "x-api-key": OLD},
        {"authorization": "Bearer", "x-api-key": OLD},
        {"authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.x", "x-api-key": OLD},
        {"authorization": f"Bearer {OLD}", "x-api-key": "somebody-elses-key"},
    ],
)
def test_each_key_opens(session: httpx.Client, headers: dict[str, str]) -> None:
    assert session.post("/predict", json=DOCUMENT, headers=headers).status_code == 200


@pytest.mark.parametrize(("name", "value"), [("x-api-key", f" {NEW}\t"), ("authorization", f"Bearer {NEW} ")])
def test_blanks_around_a_key_do_not_count(name: str, value: str) -> None:
    ApiKeys([OLD, NEW]).check("/predict", Headers({name: value}))


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, 'Bearer realm="sentiline"'),
        ({"authorization": "Bearer"}, 'Bearer realm="sentiline"'),
        ({"authorization": "Basic dTpw"}, 'Bearer realm="sentiline"'),
        ({"authorization": f"Bearer {OLD[:-1]}"}, 'Bearer realm="sentiline", error="invalid_token"'),
        ({"authorization": f"Bearer {OLD},{NEW}"}, 'Bearer realm="sentiline", error="invalid_token"'),
        ({"authorization": "Bearer x", "x-api-key": OLD[1:]}, 'Bearer realm="sentiline", error="invalid_token"'),
        ({"x-api-key": "\u00e9".encode("latin-1") * 16}, 'Bearer realm="sentiline", error="invalid_token"'),
    ],
)
def test_wrong_keys_are_refused(session: httpx.Client, headers: dict[str, Any], challenge: str) -> None:
    answer = session.post("/predict", json=DOCUMENT, headers=headers)
    check_error(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == challenge
    assert OLD not in answer.text


@pytest.mark.parametrize("path", [*ROUTES, "/nothing", "/predict/"])
def test_which_routes_are_open(session: httpx.Client, path: str) -> None:
    answer = session.request(ROUTES.get(path, "GET"), path)
    if path in OPEN:
        assert answer.status_code == 200
    else:
        check_error(answer, 401, "unauthorized")


def test_refused_requests_are_counted_by_template(session: httpx.Client, locked: Server) -> None:
    session.post("/v2/models/nobody/infer", json={})
    session.get("/nobody")
    text = session.get("/metrics").text
    assert 'sentiline_requests_total{method="POST",route="/v2/models/{model}/infer",status="401"}' in text
    assert 'sentiline_requests_total{method="GET",route="unmatched",status="401"}' in text
    assert 'sentiline_errors_total{error_type="unauthorized"}' in text
    assert "nobody" not in text
    assert OLD not in locked.log
    assert NEW not in locked.log


def test_hugging_face_sends_its_token(locked: Server) -> None:
    hub = InferenceClient(base_url=f"{locked.url}/hf", token=NEW, timeout=120)
    assert len(hub.text_classification("A good film.")) == 2


def test_openapi_says_so(session: httpx.Client, client: httpx.Client) -> None:
    document = session.get("/openapi.json").json()
    for path, item in document["paths"].items():
        for operation in (item[method] for method in ("get", "post") if method in item):
            assert ("security" in operation) == ("401" in operation["responses"]) == (not is_open(path))
    assert "security" not in json.dumps(client.get("/openapi.json").json())


def preflight(
    session: httpx.Client, origin: str, method: str = "POST", headers: str = "content-type"
) -> httpx.Response:
    asked = {"access-control-request-method": method, "access-control-request-headers": headers}
    return session.options("/predict", headers={"origin": origin, **asked})


def test_preflight_requests_are_answered(session: httpx.Client) -> None:
    answer = preflight(session, ORIGIN, headers="content-type, authorization, x-api-key")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert (
        "https://evil.example"
        in check_error(preflight(session, "https://evil.example"), 403, "cross_origin", "origin")["error"]
    )
    refusal = check_error(
        preflight(session, ORIGIN, method="DELETE"), 403, "cross_origin", "access-control-request-method"
    )
    assert "'DELETE' is not allowed across origins; use GET or POST" in refusal["error"]


@pytest.mark.parametrize("headers", ["authorization,content-type,user-agent", "x-hf-bill-to", "baggage, sentry-trace"])
def test_a_page_may_send_any_header(session: httpx.Client, headers: str) -> None:
    """As Firefox announces those of `@huggingface/inference`, and tracers add their own."""
    answer = preflight(session, ORIGIN, headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (200, headers)


@pytest.mark.parametrize(("origin", "allowed"), [(ORIGIN, True), ("https://evil.example", False)])
@pytest.mark.parametrize(("key", "status"), [(OLD, 200), ("none", 401)])
def test_answers_and_refusals_are_for_allowed_pages(
    session: httpx.Client, origin: str, allowed: bool, key: str, status: int
) -> None:
    answer = session.post("/predict", json=DOCUMENT, headers={"origin": origin, "x-api-key": key})
    assert answer.status_code == status
    assert answer.headers.get("access-control-allow-origin") == (ORIGIN if allowed else None)
    assert "access-control-allow-credentials" not in answer.headers


def test_both_are_off_by_default(client: httpx.Client) -> None:
    answer = client.post("/predict", json=DOCUMENT, headers={"origin": ORIGIN, "authorization": "Bearer anything"})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    check_error(preflight(client, ORIGIN), 405, "method_not_allowed")
