"""`/openapi.json` against the running service: the same routes, and real requests and answers fit the schemas."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from jsonschema import Draft202012Validator

import sentiline
from service.api.examples import EXAMPLES

TENSOR = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["A good film.", "So boring!"]}
TEXTS = ["I loved it. The plot is bad!", "So boring."]
MODEL, VERSION = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
TINY = {"model": "tiny", "version": "0.0.1", "asset": "app.js"}

REQUESTS: list[tuple[str, Any, int]] = [
    ("/", None, 200),
    ("/page/{version}/{asset}", None, 200),
    ("/docs", None, 200),
    ("/livez", None, 200),
    ("/healthz", None, 200),
    ("/readyz", None, 200),
    ("/metrics", None, 200),
    ("/schema.json", None, 200),
    ("/openapi.json", None, 200),
    ("/models", None, 200),
    ("/info", None, 200),
    ("/predict", {"inputs": TEXTS[0]}, 200),
    ("/predict", {"inputs": [*TEXTS, ""], "detail": "sentences", "model": None}, 200),
    ("/predict", {"inputs": TEXTS, "detail": "none", "truncation": "tail"}, 200),
    ("/predict", {"inputs": TEXTS, "detail": "sentences", "model": "plain"}, 200),
    ("/predict", {"inputs": TEXTS, "model": "plain"}, 200),
    ("/predict", {"inputs": TEXTS, "model": "nobody"}, 404),
    ("/predict", {"inputs": TEXTS, "model": "broken"}, 503),
    ("/predict", {"inputs": ["", " "]}, 422),
    ("/predict", {"inputs": TEXTS, "detail": "all"}, 422),
    ("/predict", {"inputs": ["good"] * 129}, 413),
    ("/predict", b"{", 400),
    ("/hf", {"inputs": TEXTS[0]}, 200),
    ("/hf", {"inputs": TEXTS, "parameters": {"top_k": 1, "function_to_apply": "none"}, "options": {"a": 1}}, 200),
    ("/hf", {"inputs": TEXTS, "parameters": {"top_k": 0}}, 422),
    ("/hf/models/{model}", {"inputs": TEXTS}, 200),
    ("/v2", None, 200),
    ("/v2/health/live", None, 200),
    ("/v2/health/ready", None, 200),
    *[(path + part, None, 200) for path in (MODEL, VERSION) for part in ("", "/ready")],
    *[(f"{path}/infer", {"inputs": [TENSOR]}, 200) for path in (MODEL, VERSION)],
    (f"{MODEL}/infer", {"id": "1", "inputs": [TENSOR], "outputs": [{"name": "score"}], "parameters": {"x": 1}}, 200),
    (f"{MODEL}/infer", {"inputs": [TENSOR], "parameters": {"binary_data_output": True}}, 200),
    (f"{MODEL}/infer", {"inputs": [TENSOR], "outputs": [{"name": "logit"}]}, 422),
    (f"{MODEL}/infer", {"inputs": []}, 422),
    (f"{MODEL}/infer", {"inputs": [{**TENSOR, "data": None}]}, 422),
    (f"{MODEL}/infer", {"inputs": [{**TENSOR, "data": None, "parameters": {"binary_data_size": None}}]}, 422),
]


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/openapi.json").json()
    return answer


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def test_the_openapi_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"] == sentiline.__version__
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert used == set(document["components"]["schemas"])
    for path, item in document["paths"].items():
        named = {parameter["name"] for parameter in item.get("parameters", ())}
        assert named == set(re.findall(r"{(\w+)}", path))


def test_it_has_the_routes_that_the_service_has(client: httpx.Client, document: dict[str, Any]) -> None:
    """The metrics have a series for each route and method from the start."""
    series = re.findall(
        r'_requests_total{method="(GET|POST)",route="([^"]+)",status="200"}', client.get("/metrics").text
    )
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in set(item) - {"parameters"}
    }
    assert described == {pair for pair in map(tuple, series) if pair[1] != "unmatched"}
    assert {path for _, path in described} == {path for path, _, _ in REQUESTS}


@pytest.mark.parametrize(("path", "body", "status"), REQUESTS)
def test_real_answers_fit(client: httpx.Client, document: dict[str, Any], path: str, body: Any, status: int) -> None:
    method = "get" if body is None else "post"
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if body is None else {"content-type": "application/json"}
    answer = client.request(method, path.format(**TINY), content=content, headers=headers)
    assert answer.status_code == status, answer.text
    operation = document["paths"][path][method]
    kind = answer.headers["content-type"].partition(";")[0]
    schema = operation["responses"][str(status)]["content"][kind]["schema"]
    if kind == "application/json":
        validator(document, schema).validate(answer.json())
    for name in operation["responses"][str(status)].get("headers", ()):
        assert name in answer.headers
    if isinstance(body, dict):
        taken = validator(document, operation["requestBody"]["content"]["application/json"]["schema"])
        assert taken.is_valid(body) == (status not in (413, 422) or body["inputs"] == ["", " "])


def test_every_operation_is_in_one_group(document: dict[str, Any]) -> None:
    used = [item[method]["tags"] for item in document["paths"].values() for method in ("get", "post") if method in item]
    assert {len(tags) for tags in used} == {1}
    assert {tag for (tag,) in used} == {tag["name"] for tag in document["tags"]}


def test_the_examples_are_answered(client: httpx.Client, document: dict[str, Any]) -> None:
    shown = set()
    for path, item in document["paths"].items():
        if "post" not in item:
            continue
        content = item["post"]["requestBody"]["content"]["application/json"]
        for name, example in content["examples"].items():
            shown.add((content["schema"]["$ref"].rpartition("/")[2], name))
            validator(document, content["schema"]).validate(example["value"])
            answer = client.post(path.format(**TINY), json=example["value"])
            assert answer.status_code == 200, answer.text
    assert shown == {(schema, name) for schema, examples in EXAMPLES.items() for name in examples}


@pytest.mark.parametrize("path", ["/", "/docs", "/page/{version}/{asset}"])
def test_cached_documents_answer_304(client: httpx.Client, document: dict[str, Any], path: str) -> None:
    address = path.format(**TINY)
    answer = client.get(address, headers={"if-none-match": client.get(address).headers["etag"]})
    described = document["paths"][path]["get"]["responses"]["304"]
    assert (answer.status_code, answer.content, "content" in described) == (304, b"", False)
    assert described["headers"]
    assert all(name in answer.headers for name in described["headers"])


def test_binary_data_instead_of_data(client: httpx.Client, document: dict[str, Any]) -> None:
    """The JSON before the binary data fits the schema without `data`."""
    head = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 8}}]}
    content = json.dumps(head).encode()
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(content))}
    answer = client.post("/v2/models/tiny/infer", content=content + b"\4\0\0\0good", headers=headers)
    assert answer.status_code == 200, answer.text
    assert validator(document, document["components"]["schemas"]["InferRequest"]).is_valid(head)


def test_every_route_may_be_refused_before_it_is_reached(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for method in {"get", "post"} & set(item):
            assert {"400", "408", "431", "500"} <= set(item[method]["responses"])


def test_the_schemas_refuse_what_is_no_answer(client: httpx.Client, document: dict[str, Any]) -> None:
    """Schemas that fit everything would pass the test above."""
    answer = client.post("/predict", json={"inputs": TEXTS[0]}).json()
    schema = validator(document, document["components"]["schemas"]["PredictAnswer"])
    for change in ({"label": "GOOD"}, {"positive": 1.5}, {"extra": 1}, {"timesteps": [{"token": "a"}]}, {"logit": "1"}):
        assert not schema.is_valid({**answer, "predictions": [{**answer["predictions"][0], **change}]})
    assert not schema.is_valid({key: answer[key] for key in ("model", "predictions")})


def test_the_limits_are_those_of_the_server(client: httpx.Client, document: dict[str, Any]) -> None:
    limits = client.get("/info").json()["limits"]
    text, texts = document["components"]["schemas"]["PredictRequest"]["properties"]["inputs"]["anyOf"]
    assert (text["maxLength"], texts["maxItems"]) == (limits["max_text_characters"], limits["max_items"])


def test_clients_ask_where_the_document_lies(client: httpx.Client) -> None:
    """Whatever path prefix a proxy has added."""
    [server] = client.get("/openapi.json").json()["servers"]
    for base in ("http://host/", "http://host/tools/sentiment/"):
        assert urljoin(f"{base}openapi.json", server["url"]) == base
