"""Every operation of `/openapi.json` against the real server, with requests that schemathesis makes up.

Valid and invalid ones: each answer must have a status, a content type and a body that the document promises, nothing
may be a server error, and every refusal must be the one JSON object. The number of requests an operation is set by
SENTILINE_FUZZ_EXAMPLES; `make soak` sets a larger one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig

from service.api import openapi
from service.api.oip_tensors import MAX_RANK
from service.errors import CODES
from service.headers import BINARY, JSON_LENGTH, TIMEOUT_MS
from service.settings import Settings
from tests.bundles import write_bundle
from tests.service.server import Server

EXAMPLES = int(os.environ.get("SENTILINE_FUZZ_EXAMPLES", "60"))
LIMITS = {
    "SENTILINE_MAX_BODY_BYTES": "16384",
    "SENTILINE_MAX_ITEMS": "8",
    "SENTILINE_MAX_TEXT_CHARACTERS": "500",
}
"""Small, so that what is made up goes beyond them."""

BEYOND_SCHEMAS = {
    "empty_text", "text_too_long", "invalid_type", "model_not_found", "not_found", "invalid_shape", "invalid_input",
    "too_many_items",
}  # fmt: skip
"""Reasons to refuse what fits the schema: no word in a text, items of a list, numbers that do not fit each other."""

KNOWN = {"model": "tiny", "version": "0.0.1", "asset": "style.css"}
LONGEST_TIMEOUT = "30000"
UNKNOWN_HEADER = "x-schemathesis-unknown-property"

CONFIG = {
    "generation": {"mode": "all", "deterministic": True, "max-examples": EXAMPLES, "database": "none"},
    "checks": {
        # a schema cannot say which texts have a word in them: `refused_for_its_meaning` looks at the reasons
        "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404", "413", "422"]},
        "negative_data_rejection": {"expected-statuses": ["400", "404", "405", "413", "415", "422"]},
    },
}


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("fuzz")
    write_bundle(folder / "models" / "tiny")
    write_bundle(folder / "models" / "plain", additive=False, seed=3)
    settings = {"SENTILINE_MODELS": str(folder / "models"), "SENTILINE_MODEL": "tiny", **LIMITS}
    with Server(folder / "home", **settings) as running:
        yield running.wait_until_ready()


schema = schemathesis.openapi.from_dict(
    openapi.document(Settings.from_environ(LIMITS | {"SENTILINE_MODEL": "tiny"})),
    config=SchemathesisConfig.from_dict(CONFIG),
)


@schema.hook
def map_path_parameters(_context: schemathesis.HookContext, path_parameters: dict[str, str] | None) -> Any:
    """Every other made-up name becomes that of something there is: behind the others there is only a 404."""
    if not isinstance(path_parameters, dict):
        return path_parameters
    if "asset" in path_parameters and _chosen(path_parameters["version"]):
        return KNOWN
    return {name: KNOWN[name] if _chosen(value) else value for name, value in path_parameters.items()}


@schema.hook
def map_headers(_context: schemathesis.HookContext, headers: dict[str, str] | None) -> Any:
    """Most bodies are sent without the header that says where their JSON ends: a made-up one cuts them off."""
    if isinstance(headers, dict) and len(str(headers.get(JSON_LENGTH))) > 1:
        return {name: value for name, value in headers.items() if name != JSON_LENGTH}
    return headers


@schema.hook
def map_body(_context: schemathesis.HookContext, body: Any) -> Any:
    """The same for the field `model`; and some valid tensors get texts, as many as their shape then says."""
    match body:
        case {"model": str(name)} if _chosen(name):
            return {**body, "model": "plain"}
        case {"inputs": [{"shape": [*shape]} as tensor]} if len(shape) % 2 == 0 and _is_valid(tensor):
            texts = [f"a good film {index}" for index in range(3)]
            return {**body, "inputs": [{**tensor, "shape": [3], "data": texts}]}
    return body


def _is_valid(tensor: dict[str, Any]) -> bool:
    data, sizes = tensor.get("data"), tensor["shape"]
    whole = all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes)
    return whole and len(sizes) <= MAX_RANK and isinstance(data, list) and bool(data)


def _chosen(value: Any) -> bool:
    return isinstance(value, str) and sum(map(ord, value)) % 2 == 0


def test_the_document_is_the_one_that_the_server_hands_out(fuzzed: Server) -> None:
    assert httpx.get(f"{fuzzed.url}/openapi.json", timeout=120).json() == schema.raw_schema


def one_json_object(_ctx: schemathesis.CheckContext, response: schemathesis.Response, _case: schemathesis.Case) -> None:
    """Every refusal is an object with a sentence and a known type."""
    if response.status_code < 400 or response.request.method == "HEAD":
        return
    assert response.headers["content-type"] == ["application/json"], response.headers
    body = response.json()
    assert isinstance(body, dict), body
    assert isinstance(body["error"], str), body
    assert len(body["error"]) > 10, body
    assert body["error_type"] in CODES, body


def refused_for_its_meaning(
    _ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """What fits the schema is refused only for what a schema cannot say."""
    if case.meta is None or case.meta.generation.mode != schemathesis.GenerationMode.POSITIVE:
        return
    if case.media_type == BINARY or JSON_LENGTH in (case.headers or {}):
        return  # where the JSON ends and what follows it are beyond any schema
    if response.status_code >= 400:
        refusal = response.json()
        assert refusal["error_type"] in BEYOND_SCHEMAS, refusal


@schema.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip
def test_the_document_is_true(case: schemathesis.Case, fuzzed: Server) -> None:
    if case.headers and UNKNOWN_HEADER in case.headers:
        return  # any request may carry headers that nobody knows
    if case.headers and re.fullmatch("[1-9][0-9]{0,4}", str(case.headers.get(TIMEOUT_MS))):
        case.headers[TIMEOUT_MS] = LONGEST_TIMEOUT  # with less, the answer would depend on the machine's mood
    case.call_and_validate(base_url=fuzzed.url, additional_checks=[one_json_object, refused_for_its_meaning])


def test_it_got_behind_the_refusals(fuzzed: Server) -> None:
    """Each operation has answered, and each that takes a body has refused: else the test above tried nothing."""
    seen = re.findall(
        r'sentiline_requests_total{method="(\w+)",route="([^"]+)",status="(\d+)"} (\S+)',
        httpx.get(f"{fuzzed.url}/metrics", timeout=120).text,
    )
    counts = {(method, route, int(status)): float(count) for method, route, status, count in seen}
    for path, item in schema.raw_schema["paths"].items():
        for method in {"get", "post"} & set(item):
            assert counts[method.upper(), path, 200] > 0, path
            if method == "post":
                assert counts[method.upper(), path, 422] > 0, path
                assert counts[method.upper(), path, 400] > 0, path


def test_the_server_is_as_before(fuzzed: Server) -> None:
    """Last in this file: what was made up broke nothing."""
    with httpx.Client(base_url=fuzzed.url, timeout=120) as client:
        assert client.get("/readyz").status_code == 200
        assert client.post("/predict", json={"inputs": "a good film"}).status_code == 200
        text = client.get("/metrics").text
    assert 'sentiline_errors_total{error_type="internal_error"} 0.0' in text
    assert "Traceback" not in fuzzed.log
