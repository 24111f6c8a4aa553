"""The Open Inference Protocol, version 2: from a JSON document to a request, and from readings to the response."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import orjson
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from sentiline.reading import Reading
from sentiline.tokenizer import Truncation

from ..errors import invalid_request, quote
from ..settings import Settings
from .oip_tensors import MAX_RANK, check_shape, check_size, decode_texts, encode, flatten
from .predict import NEUTRAL, TRUNCATION
from .request_models import RequestModel, check_count, validate

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

EXAMPLE = '{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["A film to remember."]}]}'
TENSOR = "inputs[0]"
DATA = f"{TENSOR}.data"

INPUT = {"name": "text", "datatype": "BYTES", "shape": [-1]}
UNCERTAIN = "uncertain"
PROBABILITIES = "probabilities"
# every output; a model without thresholds has no `uncertain`, and only an answer with three classes has `probabilities`
DATATYPES = {"label": "BYTES", "score": "FP32", UNCERTAIN: "BOOL", PROBABILITIES: "FP32"}


def _one_tensor(inputs: Any) -> Any:
    if isinstance(inputs, list) and len(inputs) != 1:
        raise invalid_request("invalid_input", f'inputs has {len(inputs)} tensors; send one, named "text"', "inputs")
    return inputs


def _encodable(text: str) -> str:
    if quote(text, len(text)) != text:
        raise invalid_request("invalid_option", "id holds half of a surrogate pair; send whole characters", "id")
    return text


class OipModel(RequestModel):
    """An object of a request; unknown fields are ignored, because clients add some, such as KServe's `model_name`."""

    model_config = ConfigDict(extra="ignore")


class InferParameters(OipModel):
    """Parameters of a request."""

    truncation: Truncation | None = Field(default=None, description=TRUNCATION)
    neutral: bool = Field(default=False, description=NEUTRAL)
    binary_data_output: Any = Field(
        default=None, description="If true, outputs are binary data unless they say otherwise."
    )


class TensorParameters(OipModel):
    """Parameters of the input."""

    binary_data_size: Any = Field(default=None, description="The number of bytes of the texts after the JSON.")


class OutputParameters(OipModel):
    """Parameters of an output."""

    binary_data: Any = Field(default=None, description="If true, the output is binary data; otherwise, JSON.")


_DATA_GIVEN: dict[str, Any] = {"required": ["data"], "properties": {"data": {"type": "array"}}}
_SIZE_GIVEN: dict[str, Any] = {
    "required": ["parameters"],
    "properties": {
        "parameters": {
            "type": "object",
            "required": ["binary_data_size"],
            "properties": {"binary_data_size": {"not": {"type": "null"}}},
        }
    },
}


class InputTensor(OipModel):
    """The texts to score: in `data`, or after the JSON in as many bytes as `parameters.binary_data_size` says."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_DATA_GIVEN, _SIZE_GIVEN]})

    name: Literal["text"]
    datatype: Literal["BYTES"]
    shape: list[Any] = Field(json_schema_extra={"items": {"type": "integer", "minimum": 1}, "maxItems": MAX_RANK})
    parameters: TensorParameters = TensorParameters()
    data: Annotated[list[Any], WithJsonSchema({"type": "array", "items": {}, "minItems": 1})] | None = None


class RequestedOutput(OipModel):
    """An output to return."""

    name: Literal["label", "score", "uncertain", "probabilities"]
    parameters: OutputParameters = OutputParameters()


class InferRequest(OipModel):
    """The JSON of an inference request."""

    id: Annotated[str, AfterValidator(_encodable)] | None = None
    parameters: InferParameters = InferParameters()
    inputs: Annotated[list[InputTensor], BeforeValidator(_one_tensor)] = Field(
        json_schema_extra={"minItems": 1, "maxItems": 1}
    )
    outputs: list[RequestedOutput] = Field(default_factory=list, fail_fast=True)


@dataclass(frozen=True, slots=True)
class Inference:
    """A validated inference request.

    Attributes:
        id: The client's identifier, which the response repeats; None if it sent none.
        texts: The texts to score, at least one, in row-major order; items may be no strings.
        shape: The shape of the input and therefore of every output.
        truncation: The policy for long texts; None for the model's own.
        outputs: The names of the requested outputs in order, each with whether to send it as binary data; empty for
            all outputs of the model.
        binary: Whether all outputs are binary data where `outputs` is empty.
        neutral: Whether the labels are of three classes.
    """

    id: str | None
    texts: Sequence[Any]
    shape: Sequence[int]
    truncation: Truncation | None
    outputs: Mapping[str, bool]
    binary: bool
    neutral: bool = False


def metadata(manifest: Manifest) -> dict[str, Any]:
    """Return the answer of `GET /v2/models/{model}`: the model's inputs and outputs."""
    return {
        "name": manifest.name,
        "versions": [manifest.version],
        "platform": "onnxruntime_onnx",
        "inputs": [INPUT],
        "outputs": [{"name": name, "datatype": DATATYPES[name], "shape": [-1]} for name in _names(manifest)],
    }


def parse(document: Any, binary: bytes, settings: Settings) -> Inference:
    """Validate a request.

    Args:
        document: The parsed JSON.
        binary: The rest of the body, after the JSON.
        settings: The service's settings.

    Raises:
        ServiceError: 422 with the field that is wrong; 413 for a shape of more than `max_items` texts; 400 for binary
            texts that are not UTF-8.
    """
    body = validate(InferRequest, document, settings, EXAMPLE)
    tensor = body.inputs[0]
    shape = check_shape(tensor.shape, f"{TENSOR}.shape")
    check_count(math.prod(shape), DATA, settings)  # before any work that grows with the data
    texts = _texts(tensor, shape, binary)
    check_size(len(texts), shape, DATA)
    return Inference(
        id=body.id,
        texts=texts,
        shape=shape,
        truncation=body.parameters.truncation,
        outputs=_outputs(body),
        binary=body.parameters.binary_data_output is True,
        neutral=body.parameters.neutral,
    )


def answer(manifest: Manifest, readings: Sequence[Reading], request: Inference) -> tuple[bytes, int | None]:
    """Serialize the answer.

    Returns:
        `(body, json_size)`: the JSON, followed by any requested binary data; `json_size` is the number of bytes of JSON
        if there is binary data, else None.

    Raises:
        ServiceError: 422 for an output that the model does not have.
    """
    values: dict[str, Any] = {
        "label": [reading.label for reading in readings],
        "score": np.array([reading.score for reading in readings], np.float32).tolist(),
        UNCERTAIN: [reading.uncertain for reading in readings],
    }
    names = _names(manifest, neutral=request.neutral)
    if request.neutral:
        values[PROBABILITIES] = (
            np.array(
                [
                    (three.negative, three.neutral, three.positive)
                    for reading in readings
                    if (three := reading.probabilities) is not None
                ],
                np.float32,
            )
            .ravel()
            .tolist()
        )
    for index, name in enumerate(request.outputs):
        if name == PROBABILITIES and not request.neutral:
            message = f"outputs[{index}] asks for the probabilities of three classes; set parameters.neutral"
            raise invalid_request("invalid_input", message, f"outputs[{index}].name")
        if name not in names:
            message = f'outputs[{index}] asks for "{name}", which the model "{manifest.name}" does not have'
            raise invalid_request(
                "invalid_input", f"{message}; choose among {', '.join(names)}", f"outputs[{index}].name"
            )
    outputs, tail = [], []
    for name, as_binary in (request.outputs or dict.fromkeys(names, request.binary)).items():
        shape = [*request.shape, 3] if name == PROBABILITIES else request.shape
        output: dict[str, Any] = {"name": name, "datatype": DATATYPES[name], "shape": shape}
        if as_binary:
            tail.append(encode(values[name]))
            output["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            output["data"] = values[name]
        outputs.append(output)
    document = {
        "model_name": manifest.name,
        "model_version": manifest.version,
        **({} if request.id is None else {"id": request.id}),
        "parameters": {"truncated_texts": sum(reading.encoding.truncated for reading in readings)},
        "outputs": outputs,
    }
    head = orjson.dumps(document)
    return b"".join([head, *tail]), len(head) if tail else None


def _names(manifest: Manifest, *, neutral: bool = False) -> list[str]:
    """Return the names of a model's outputs, with two classes or three."""
    known = manifest.uncertainty is not None
    if neutral and manifest.cut_points is not None:
        known = known or manifest.cut_points.thresholds is not None
    present = {UNCERTAIN: known, PROBABILITIES: neutral}
    return [name for name in DATATYPES if present.get(name, True)]


def _texts(tensor: InputTensor, shape: Sequence[int], binary: bytes) -> list[Any]:
    size = tensor.parameters.binary_data_size
    if size is None:
        if binary:
            message = f"{len(binary)} bytes follow the JSON, but {TENSOR}.parameters has no binary_data_size"
            raise invalid_request("invalid_shape", message, f"{TENSOR}.parameters")
        if tensor.data is None:
            raise invalid_request("missing_field", f"{DATA} is missing; send a list of strings", DATA)
        return flatten(tensor.data, shape, DATA)
    if tensor.data is not None:
        raise invalid_request("invalid_input", f"{TENSOR} has both data and binary_data_size; send one of them", DATA)
    if size != len(binary) or isinstance(size, bool):
        message = f"{TENSOR}.parameters.binary_data_size does not agree with the {len(binary)} bytes after the JSON"
        raise invalid_request("invalid_shape", message, f"{TENSOR}.parameters.binary_data_size")
    return decode_texts(binary, shape, DATA)


def _outputs(body: InferRequest) -> dict[str, bool]:
    """The name of every requested output, and whether to send it as binary data; empty if the client names none."""
    requested: dict[str, bool] = {}
    for index, output in enumerate(body.outputs):
        if output.name in requested:
            message = f'outputs[{index}] asks for "{output.name}" a second time'
            raise invalid_request("invalid_input", message, f"outputs[{index}].name")
        own = output.parameters.binary_data
        requested[output.name] = (body.parameters.binary_data_output if own is None else own) is True
    return requested
