"""The Open Inference Protocol below `/v2`: Triton's own client, unchanged; and the wire format, by hand."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

import sentiline
from sentiline.predictor import Predictor
from tests.service.error_checks import JSON, check_error
from tests.service.server import Server

TEXTS = ["I loved this film. The acting was wonderful!", "So boring: the worst plot.", "It was fine 🎬, très bien."]
INFER = "/v2/models/bilstm/infer"


def tensor(*texts: Any, **entries: Any) -> dict[str, Any]:
    return {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": list(texts)} | entries


def names(predictor: Predictor) -> list[str]:
    return ["label", "score"] if predictor.manifest.uncertainty is None else ["label", "score", "uncertain"]


def expected(predictor: Predictor) -> tuple[list[str], list[float]]:
    readings = predictor.read(TEXTS)
    return [reading.label for reading in readings], np.float32([reading.score for reading in readings]).tolist()


@pytest.fixture(scope="module")
def triton(server: Server) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(f"127.0.0.1:{server.port}", connection_timeout=120, network_timeout=120) as session:
        yield session


def input_of(array: np.ndarray[Any, Any], **options: Any) -> InferInput:
    return InferInput("text", list(array.shape), "BYTES").set_data_from_numpy(array, **options)


def test_triton_probes(triton: InferenceServerClient, predictor: Predictor) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("bilstm")
    assert triton.is_model_ready("tiny", "0.0.1")
    assert not triton.is_model_ready("tiny", "2")
    assert not triton.is_model_ready("nobody")
    assert not triton.is_model_ready("broken")
    server = {"name": "sentiline", "version": sentiline.__version__, "extensions": ["binary_tensor_data"]}
    assert triton.get_server_metadata() == server
    assert triton.get_model_metadata("bilstm") == {
        "name": "bilstm",
        "versions": [predictor.manifest.version],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1]}
            for name, datatype in (("label", "BYTES"), ("score", "FP32"), ("uncertain", "BOOL"))
            if name in names(predictor)
        ],
    }


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [None, True, False])
@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3)])
def test_triton_infer(
    triton: InferenceServerClient,
    predictor: Predictor,
    binary_in: bool,
    binary_out: bool | None,
    shape: tuple[int, ...],
) -> None:
    wanted = ("label", "score")
    outputs = None if binary_out is None else [InferRequestedOutput(name, binary_data=binary_out) for name in wanted]
    given = input_of(np.array(TEXTS, dtype=object).reshape(shape), binary_data=binary_in)
    result = triton.infer("bilstm", [given], outputs=outputs, request_id="the 1st")
    labels, scores = expected(predictor)
    found = [label.decode() if isinstance(label, bytes) else label for label in result.as_numpy("label").flatten()]
    assert (found, result.as_numpy("score").dtype, result.as_numpy("score").shape) == (labels, np.float32, shape)
    assert result.as_numpy("score").flatten().tolist() == scores
    response = result.get_response()
    assert (response["model_name"], response["model_version"]) == ("bilstm", predictor.manifest.version)
    assert response["id"] == "the 1st"


def test_triton_chooses_outputs(triton: InferenceServerClient) -> None:
    outputs = [InferRequestedOutput("score", binary_data=False)]
    result = triton.infer("tiny", [input_of(np.array(TEXTS, dtype=object))], model_version="0.0.1", outputs=outputs)
    assert result.as_numpy("label") is None
    assert [output["name"] for output in result.get_response()["outputs"]] == ["score"]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_triton_compresses(triton: InferenceServerClient, algorithm: str) -> None:
    inputs = [input_of(np.array(TEXTS, dtype=object))]
    plain = triton.infer("tiny", inputs).as_numpy("score")
    result = triton.infer("tiny", inputs, request_compression_algorithm=algorithm)
    assert np.array_equal(result.as_numpy("score"), plain)


@pytest.mark.parametrize(
    ("model", "text", "options", "message"),
    [
        ("nobody", "good", {}, 'there is no model "nobody"'),
        ("tiny", "good", {"model_version": "2"}, 'no version "2"; it has 0.0.1'),
        ("tiny", "", {}, "the text is empty"),
        (
            "tiny",
            "good",
            {"outputs": [InferRequestedOutput("logit")]},
            "'score', 'uncertain' or 'probabilities'",
        ),
    ],
)
def test_triton_reads_the_errors(
    triton: InferenceServerClient, model: str, text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InferenceServerException, match=message) as caught:
        triton.infer(model, [input_of(np.array([text], dtype=object))], **options)
    assert caught.value.status() in ("404", "422")


def test_the_wire_format(client: httpx.Client, predictor: Predictor) -> None:
    labels, scores = expected(predictor)
    both = [{"name": "label"}, {"name": "score"}]
    assert client.post(INFER, json={"id": "1", "inputs": [tensor(*TEXTS)], "outputs": both}).json() == {
        "model_name": "bilstm",
        "model_version": predictor.manifest.version,
        "id": "1",
        "parameters": {"truncated_texts": 0},
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [3], "data": labels},
            {"name": "score", "datatype": "FP32", "shape": [3], "data": scores},
        ],
    }
    versioned = f"/v2/models/bilstm/versions/{predictor.manifest.version}/infer"
    nested = {"inputs": [tensor([[text] for text in TEXTS], shape=[3, 1], data=[[text] for text in TEXTS])]}
    answer = client.post(versioned, json=nested | {"outputs": [{"name": "score"}, {"name": "label"}]}).json()
    assert "id" not in answer
    assert [(output["name"], output["shape"]) for output in answer["outputs"]] == [("score", [3, 1]), ("label", [3, 1])]
    assert answer["outputs"][0]["data"] == scores


UNKNOWING = ["zzz qqq good xxx", "So boring: the worst plot.", "It was fine, but not great"]
"""Of which the model `unsure` does not know the first and the last."""


def test_uncertain_is_an_output_of_a_model_with_thresholds(client: httpx.Client) -> None:
    described = client.get("/v2/models/unsure").json()["outputs"]
    assert described[2:] == [{"name": "uncertain", "datatype": "BOOL", "shape": [-1]}]
    answer = client.post("/v2/models/unsure/infer", json={"inputs": [tensor(*UNKNOWING)]}).json()
    assert [{**output, "shape": [-1]} for output in described] == [
        {key: output[key] for key in ("name", "datatype")} | {"shape": [-1]} for output in answer["outputs"]
    ]
    assert answer["outputs"][2]["data"] == [True, False, True]
    asked = {"inputs": [tensor(*UNKNOWING)], "outputs": [{"name": "uncertain"}]}
    [output] = client.post("/v2/models/unsure/infer", json=asked).json()["outputs"]
    assert output == {"name": "uncertain", "datatype": "BOOL", "shape": [3], "data": [True, False, True]}
    assert [output["name"] for output in client.get("/v2/models/tiny").json()["outputs"]] == ["label", "score"]
    plain = client.post("/v2/models/tiny/infer", json={"inputs": [tensor("good")]}).json()
    assert [output["name"] for output in plain["outputs"]] == ["label", "score"]
    asked["outputs"] = [{"name": "score"}, {"name": "uncertain"}]
    body = check_error(client.post("/v2/models/tiny/infer", json=asked), 422, "invalid_input", "outputs[1].name")
    assert body["error"].endswith('which the model "tiny" does not have; choose among label, score')


@pytest.mark.parametrize("binary", [True, False])
def test_triton_reads_uncertain(triton: InferenceServerClient, binary: bool) -> None:
    given = input_of(np.array(UNKNOWING, dtype=object).reshape(3, 1))
    wanted = [InferRequestedOutput(name, binary_data=binary) for name in ("uncertain", "score")]
    for outputs in (None, wanted):
        found = triton.infer("unsure", [given], outputs=outputs).as_numpy("uncertain")
        assert (found.dtype, found.tolist()) == (np.bool_, [[True], [False], [True]])


def test_probes_by_hand(client: httpx.Client) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/tiny/versions/0.0.1/ready").json() == {"name": "tiny", "ready": True}
    check_error(client.get("/v2/models/nobody/ready"), 404, "model_not_found", "model")
    check_error(client.get("/v2/models/broken/ready"), 503, "model_unavailable", "model")


def test_truncation(client: httpx.Client, predictor: Predictor) -> None:
    text = "a good film " * predictor.tokenizer.max_tokens
    answer = client.post(INFER, json={"inputs": [tensor(text, "good")], "parameters": {"truncation": "tail"}}).json()
    [reading] = predictor.read([text], truncation="tail")
    assert answer["outputs"][1]["data"][0] == np.float32(reading.score)
    assert answer["parameters"] == {"truncated_texts": 1}


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        ([], "invalid_type", None),
        ({}, "missing_field", "inputs"),
        ({"inputs": {}}, "invalid_type", "inputs"),
        ({"inputs": []}, "invalid_input", "inputs"),
        ({"inputs": [tensor("a"), tensor("b")]}, "invalid_input", "inputs"),
        ({"inputs": ["good"]}, "invalid_type", "inputs[0]"),
        ({"inputs": [tensor("good")], "id": 1}, "invalid_type", "id"),
        ({"inputs": [tensor("good")], "parameters": []}, "invalid_type", "parameters"),
        ({"inputs": [tensor("good")], "parameters": {"truncation": "x"}}, "invalid_option", "parameters.truncation"),
        ({"inputs": [tensor("good", name="input")]}, "invalid_option", "inputs[0].name"),
        ({"inputs": [tensor("good", name=None)]}, "missing_field", "inputs[0].name"),
        ({"inputs": [tensor("good", datatype="FP32")]}, "invalid_option", "inputs[0].datatype"),
        ({"inputs": [tensor("good", shape=None)]}, "missing_field", "inputs[0].shape"),
        ({"inputs": [tensor("good", shape=1)]}, "invalid_type", "inputs[0].shape"),
        ({"inputs": [tensor("good", shape=[1.0])]}, "invalid_type", "inputs[0].shape"),
        ({"inputs": [tensor("good", shape=[True])]}, "invalid_type", "inputs[0].shape"),
        ({"inputs": [tensor("good", shape=[-1])]}, "invalid_shape", "inputs[0].shape"),
        ({"inputs": [tensor("good", shape=[1] * 9)]}, "invalid_shape", "inputs[0].shape"),
        ({"inputs": [tensor("good", shape=[2])]}, "invalid_shape", "inputs[0].data"),
        ({"inputs": [tensor()]}, "empty_list", "inputs[0].shape"),
        ({"inputs": [tensor("good", data=[[], ["good"]])]}, "invalid_shape", "inputs[0].data"),
        ({"inputs": [tensor("good", data=None)]}, "missing_field", "inputs[0].data"),
        ({"inputs": [tensor("good", data="good")]}, "invalid_type", "inputs[0].data"),
        ({"inputs": [tensor("good", 5)]}, "invalid_type", "inputs[0].data[1]"),
        ({"inputs": [tensor("good", {"a": 1})]}, "invalid_type", "inputs[0].data[1]"),
        ({"inputs": [tensor("good", "")]}, "empty_text", "inputs[0].data[1]"),
        ({"inputs": [tensor("good", parameters={"binary_data_size": 4})]}, "invalid_input", "inputs[0].data"),
        ({"inputs": [tensor("good")], "outputs": {}}, "invalid_type", "outputs"),
        ({"inputs": [tensor("good")], "outputs": ["label"]}, "invalid_type", "outputs[0]"),
        ({"inputs": [tensor("good")], "outputs": [{}]}, "missing_field", "outputs[0].name"),
        ({"inputs": [tensor("good")], "outputs": [{"name": "logit"}]}, "invalid_option", "outputs[0].name"),
        ({"inputs": [tensor("good")], "outputs": [{"name": "label"}] * 2}, "invalid_input", "outputs[1].name"),
    ],
)
def test_refusals(client: httpx.Client, document: Any, code: str, field: str | None) -> None:
    check_error(client.post(INFER, content=json.dumps(document).encode(), headers=JSON), 422, code, field)


@pytest.mark.parametrize(
    "more",
    [
        {"model_name": "tiny"},
        {"model_name": "tiny", "model_version": "0.0.1"},
        {"ids": 1},
        {"\ud800": [{"a": None}]},
        {"inputs": [tensor("good", contents=None)]},
        {"inputs": [tensor("good", content_type="str")]},
        {"outputs": [{"name": "label", "shape": [1], "datatype": "BYTES", "data": []}]},
    ],
)
def test_unknown_fields_are_ignored(client: httpx.Client, more: dict[str, Any]) -> None:
    """As other servers of the protocol do: KServe's client sends `model_name` next to `inputs`."""
    document = {"inputs": [tensor("good")]} | more
    answer = client.post(INFER, content=json.dumps(document).encode(), headers=JSON)
    assert (answer.status_code, answer.json()["outputs"][0]["name"]) == (200, "label")


def test_too_many_texts(client: httpx.Client) -> None:
    assert check_error(
        client.post(INFER, json={"inputs": [tensor(*["good"] * 129)]}), 413, "too_many_items", "inputs[0].data"
    )
    huge = {"inputs": [tensor("good", shape=[2**62] * 8)]}
    check_error(client.post(INFER, json=huge), 413, "too_many_items", "inputs[0].data")


def test_no_more_is_read_than_the_shape_says(client: httpx.Client) -> None:
    """A million of anything is refused at the first that is too many, not once all are there."""
    reason = "has more than 2 elements and the shape [2] has 2"
    for data in (["good"] * 500_000, [["good"], [[]] * 3000], [[["good", "bad"]], "good"]):
        body = check_error(
            client.post(INFER, json={"inputs": [tensor("a", "b", data=data)]}), 422, "invalid_shape", "inputs[0].data"
        )
        assert reason in body["error"]
    data = packed(*[b""] * 1_000_000)
    head = json.dumps({"inputs": [tensor("a", "b", data=None, parameters={"binary_data_size": len(data)})]}).encode()
    headers = {**JSON, "inference-header-content-length": str(len(head))}
    body = check_error(client.post(INFER, content=head + data, headers=headers), 422, "invalid_shape", "inputs[0].data")
    assert reason in body["error"]


def packed(*texts: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


@pytest.mark.parametrize(
    ("data", "size", "header", "status", "code", "field"),
    [
        (packed(b"good"), 9, None, 422, "invalid_shape", "inputs[0].parameters.binary_data_size"),
        (packed(b"good"), "8", None, 422, "invalid_shape", "inputs[0].parameters.binary_data_size"),
        (packed(b"good"), None, None, 422, "invalid_shape", "inputs[0].parameters"),
        (packed(b"good", b"bad"), 15, None, 422, "invalid_shape", "inputs[0].data"),
        (packed(b"good")[:-1], 7, None, 422, "invalid_shape", "inputs[0].data"),
        (packed(b"good") + b"\1\0", 10, None, 422, "invalid_shape", "inputs[0].data"),
        (b"\xff\xff\xff\xffgood", 8, None, 422, "invalid_shape", "inputs[0].data"),
        (packed(b"g\xff"), 6, None, 400, "invalid_encoding", "inputs[0].data"),
        (packed(b"good"), 8, "999999", 422, "invalid_shape", "inference-header-content-length"),
        (packed(b"good"), 8, "-1", 422, "invalid_shape", "inference-header-content-length"),
        (packed(b"good"), 8, "9" * 5000, 422, "invalid_shape", "inference-header-content-length"),
        (packed(b"good"), 8, "5", 400, "invalid_json", None),
    ],
)
def test_malformed_binary_data(
    client: httpx.Client, data: bytes, size: Any, header: str | None, status: int, code: str, field: str | None
) -> None:
    parameters = {} if size is None else {"binary_data_size": size}
    entry = {"name": "text", "shape": [1], "datatype": "BYTES", "parameters": parameters}
    head = json.dumps({"inputs": [entry]}).encode()
    headers = {"inference-header-content-length": header or str(len(head)), "content-type": "application/octet-stream"}
    check_error(client.post(INFER, content=head + data, headers=headers), status, code, field)


def test_content_type(client: httpx.Client) -> None:
    body = json.dumps({"inputs": [tensor("good")]}).encode()
    for header, status in ((None, 200), ("application/json", 200), ("text/plain", 415)):
        headers = {} if header is None else {"content-type": header}
        assert client.post(INFER, content=body, headers=headers).status_code == status


def test_the_routes_are_templates_in_the_metrics(client: httpx.Client) -> None:
    for name in ("tiny", "nobody"):
        client.get(f"/v2/models/{name}/versions/x{name}/ready")
        client.post(f"/v2/models/{name}/infer", json={"inputs": [tensor("good")]})
    text = client.get("/metrics").text
    assert 'route="/v2/models/{model}/versions/{version}/ready",status="404"' in text
    assert 'method="POST",route="/v2/models/{model}/infer",status="200"' in text
    assert "nobody" not in text
