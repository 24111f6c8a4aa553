"""Inference of the Open Inference Protocol v2 as values: a JSON document becomes a request, readings the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import orjson

from sentiline.code_points import has_lone_surrogates
from sentiline.reading import Reading
from sentiline.tokenizer import TRUNCATIONS, Truncation

from ..settings import Settings
from .oip_tensors import check_shape, check_size, decode_texts, encode, flatten
from .validation import check_count, check_object, kind, refuse, shown, take_choice, take_string

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

INPUT = {"name": "text", "datatype": "BYTES", "shape": [-1]}
UNCERTAIN = "uncertain"
DATATYPES = {"label": "BYTES", "score": "FP32", UNCERTAIN: "BOOL"}
"""Of every output; a model without thresholds has no `uncertain`."""

EXAMPLE = '{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["A film to remember."]}]}'
TENSOR = "inputs[0]"
DATA = f"{TENSOR}.data"


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A checked request.

    Attributes:
        id: the client's own, to be echoed; None if it sent none.
        texts: what to score, at least one, in row-major order.
        shape: of the input, and so of every output.
        truncation: policy for long texts; None for the model's own.
        outputs: names of the outputs wanted, in order, and whether each is to be sent as binary data; empty for all
            that the model has.
        binary: whether those are.
    """

    id: str | None
    texts: Sequence[Any]
    shape: Sequence[int]
    truncation: Truncation | None
    outputs: Mapping[str, bool]
    binary: bool


def metadata(manifest: Manifest) -> dict[str, Any]:
    """What a model takes and gives."""
    return {
        "name": manifest.name,
        "versions": [manifest.version],
        "platform": "onnxruntime_onnx",
        "inputs": [INPUT],
        "outputs": [{"name": name, "datatype": DATATYPES[name], "shape": [-1]} for name in _names(manifest)],
    }


def parse(document: Any, binary: bytes, settings: Settings) -> InferRequest:
    """Check a parsed JSON body; null counts as left out.

    Of the parameters those that mean something here are `truncation`, `binary_data_output`, `binary_data` and
    `binary_data_size`; the protocol leaves it to a server to ignore the others.

    Args:
        document: the JSON.
        binary: what follows it in the body.
        settings: the limits.

    Raises:
        ServiceError: 422, naming the field; 413 for a shape of more texts than `max_items`; 400 for texts that are not
            UTF-8.
    """
    fields = check_object(document, ("id", "parameters", "inputs", "outputs"), EXAMPLE)
    parameters = _parameters(fields, "")
    tensor = _tensor(fields)
    shape = check_shape(tensor.get("shape"), f"{TENSOR}.shape")
    check_count(math.prod(shape), DATA, settings)  # before anything is made of the data
    texts = _texts(tensor, shape, binary)
    check_size(len(texts), shape, DATA)
    truncation = take_choice(parameters, "truncation", TRUNCATIONS, within="parameters.")
    as_binary = parameters.get("binary_data_output") is True
    return InferRequest(
        id=_id(fields),
        texts=texts,
        shape=shape,
        truncation=cast("Truncation | None", truncation),
        outputs=_outputs(fields, binary=as_binary),
        binary=as_binary,
    )


def answer(manifest: Manifest, readings: Sequence[Reading], request: InferRequest) -> tuple[bytes, int | None]:
    """The body of the answer.

    Returns:
        `(body, size)`: the JSON, followed by the binary data if any was asked for; `size` is then the JSON's number of
        bytes, else None.

    Raises:
        ServiceError: 422 if an output is wanted that the model does not have.
    """
    values: dict[str, Any] = {
        "label": [reading.label for reading in readings],
        "score": np.array([reading.score for reading in readings], np.float32).tolist(),
        UNCERTAIN: [reading.uncertain for reading in readings],
    }
    names = _names(manifest)
    for index, name in enumerate(request.outputs):
        if name not in names:
            message = f'outputs[{index}] asks for "{name}", which the model "{manifest.name}" cannot tell'
            raise refuse("invalid_input", f"{message}; choose among {', '.join(names)}", f"outputs[{index}].name")
    outputs, tail = [], []
    for name, as_binary in (request.outputs or dict.fromkeys(names, request.binary)).items():
        output: dict[str, Any] = {"name": name, "datatype": DATATYPES[name], "shape": request.shape}
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


def _names(manifest: Manifest) -> list[str]:
    """Of the outputs that a model has."""
    return [name for name in DATATYPES if name != UNCERTAIN or manifest.uncertainty is not None]


def _id(fields: dict[str, Any]) -> str | None:
    value = take_string(fields, "id")
    if value is not None and has_lone_surrogates(value):  # it could not be echoed
        raise refuse("invalid_option", "id holds half of a surrogate pair; send whole characters", "id")
    return value


def _tensor(fields: dict[str, Any]) -> dict[str, Any]:
    """The one input."""
    inputs = fields.get("inputs")
    if inputs is None:
        raise refuse("missing_field", f'the field "inputs" is missing; send an object such as {EXAMPLE}', "inputs")
    if not isinstance(inputs, list):
        raise refuse("invalid_type", f"inputs must be a list of one tensor; it is {kind(inputs)}", "inputs")
    if len(inputs) != 1:
        raise refuse("invalid_input", f'inputs has {len(inputs)} tensors; send one, named "text"', "inputs")
    tensor = check_object(inputs[0], ("name", "shape", "datatype", "parameters", "data"), EXAMPLE, name=TENSOR)
    for key, wanted in (("name", "text"), ("datatype", "BYTES")):
        if take_string(tensor, key, within=f"{TENSOR}.") is None:
            raise refuse("missing_field", f'{TENSOR}.{key} is missing; it must be "{wanted}"', f"{TENSOR}.{key}")
        take_choice(tensor, key, (wanted,), within=f"{TENSOR}.")
    if tensor.get("shape") is None:
        raise refuse("missing_field", f"{TENSOR}.shape is missing; send it, such as [1]", f"{TENSOR}.shape")
    return tensor


def _texts(tensor: dict[str, Any], shape: Sequence[int], binary: bytes) -> list[Any]:
    size = _parameters(tensor, f"{TENSOR}.").get("binary_data_size")
    if size is None:
        if binary:
            message = f"{len(binary)} bytes follow the JSON, but {TENSOR}.parameters has no binary_data_size"
            raise refuse("invalid_shape", message, f"{TENSOR}.parameters")
        if tensor.get("data") is None:
            raise refuse("missing_field", f"{DATA} is missing; send a list of strings", DATA)
        return flatten(tensor["data"], shape, DATA)
    if tensor.get("data") is not None:
        raise refuse("invalid_input", f"{TENSOR} has data and binary_data_size; send one of them", DATA)
    if size != len(binary) or isinstance(size, bool):
        message = f"{TENSOR}.parameters.binary_data_size does not agree with the {len(binary)} bytes after the JSON"
        raise refuse("invalid_shape", message, f"{TENSOR}.parameters.binary_data_size")
    return decode_texts(binary, shape, DATA)


def _outputs(fields: dict[str, Any], *, binary: bool) -> dict[str, bool]:
    """Name of each wanted output, and whether it is to be binary; empty if the client names none."""
    outputs = fields.get("outputs")
    if outputs is not None and not isinstance(outputs, list):
        raise refuse("invalid_type", f"outputs must be a list; it is {kind(outputs)}", "outputs")
    wanted: dict[str, bool] = {}
    for index, output in enumerate(outputs or ()):
        name = f"outputs[{index}]"
        entry = check_object(output, ("name", "parameters"), '{"name": "label"}', name=name)
        chosen = take_choice(entry, "name", tuple(DATATYPES), within=f"{name}.")
        if chosen is None:
            raise refuse("missing_field", f"{name}.name is missing", f"{name}.name")
        if chosen in wanted:
            raise refuse("invalid_input", f'{name} asks for "{shown(chosen)}" a second time', f"{name}.name")
        own = _parameters(entry, f"{name}.").get("binary_data")
        wanted[chosen] = binary if own is None else own is True
    return wanted


def _parameters(fields: dict[str, Any], within: str) -> dict[str, Any]:
    value = fields.get("parameters")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refuse(
            "invalid_type", f"{within}parameters must be an object; it is {kind(value)}", f"{within}parameters"
        )
    return value
