"""Export of a plain Keras model file: two graphs, and a bundle if there is a vocabulary."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import onnx
from rich.console import Console

from sentiline.atomic_write import write_atomically
from sentiline.bundle import Bundle
from training.bundle.keras_vocabulary import load_model, read_vocabulary, vectorizer_of
from training.bundle.writer import check_target, write_bundle
from training.errors import ExportError
from training.export import to_onnx
from training.export.convert import OPSET, quantize
from training.export.keras_classifier import Classifier, convert_classifier
from training.export.keras_model import functional_model, split_vectorizer
from training.export.keras_parity import check_fused

GRAPHS = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
_PACKAGES = ("keras", "onnx", "onnxruntime", "numpy")
_RECURRENT = ("SimpleRNN", "GRU", "LSTM", "Bidirectional")


@dataclass(frozen=True)
class KerasExport:
    """What to export.

    Attributes:
        model: The `.keras` file.
        folder: The folder to write; the name of a bundle is that of its folder.
        vocabulary: A vocabulary, see `training.bundle.keras_vocabulary.read_vocabulary`; None for that of the model's
            own TextVectorization layer, or for graphs only.
        max_tokens: The number of tokens read of a text; None for the vocabulary's.
        pad_to: The number of timesteps that a model without a mask was fitted on; None for the vocabulary's or the
            model's own.
        version: The bundle's version.
    """

    model: Path
    folder: Path
    vocabulary: Path | None = None
    max_tokens: int | None = None
    pad_to: int | None = None
    version: str = "1.0.0"


def export_keras(request: KerasExport, console: Console | None = None) -> Bundle | None:
    """Export a Keras model file.

    Returns:
        The bundle, or None if only the graphs were written because there is no vocabulary.

    Raises:
        ExportError: The model cannot be loaded or converted, or the folder holds something else.
        DataError: The vocabulary cannot be used.
    """
    shown = console or Console(quiet=True)
    check_folder(request.folder)
    model = load_model(request.model)
    layer, _ = split_vectorizer(model)
    if request.vocabulary is None and layer is None:
        if request.max_tokens or request.pad_to:
            raise ExportError("the options for texts need --vocabulary, or a model with a TextVectorization layer")
        graph = to_onnx(model)
        _write_graphs(request.folder, {"fp32": graph, "int8": _quantized(graph)})
        return None
    if request.vocabulary is not None:
        tokenizer, length = read_vocabulary(request.vocabulary, request.max_tokens)
    else:
        tokenizer, length = vectorizer_of(layer, request.max_tokens)
    functional = functional_model(model)
    fixed = functional.inputs[0].shape[1]
    pad_to = request.pad_to or length or fixed or 0
    found = convert_classifier(model, len(tokenizer.vocabulary), pad_to)
    if not found.masked:
        if fixed and tokenizer.max_tokens > fixed:
            tokenizer.max_tokens = fixed
        if pad_to:
            shown.print(f"the model has no mask: texts are padded to {pad_to} timesteps", highlight=False)
        else:
            shown.print(
                "the model has no mask: texts are served without padding; --sequence-length pads them as in its fit",
                highlight=False,
            )
    graphs = {"fp32": found.graph, "int8": _quantized(found.graph)}
    files = {GRAPHS[name]: proto.SerializeToString() for name, proto in graphs.items()}
    files["tokenizer.json"] = tokenizer.to_json().encode()
    document = _document(request, functional, found)
    files["README.md"] = _card(document).encode()
    return write_bundle(request.folder, document, files)


def check_folder(folder: Path) -> None:
    """Reject a folder that the export must not write to: one with files other than a bundle or an earlier export.

    Raises:
        ExportError: It is such a folder.
    """
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= set(GRAPHS.values()):
        return
    check_target(folder)


def _quantized(graph: onnx.ModelProto) -> onnx.ModelProto:
    int8 = quantize(graph)
    check_fused(int8)
    return int8


def _write_graphs(folder: Path, graphs: dict[str, onnx.ModelProto]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, proto in graphs.items():
            write_atomically(folder / GRAPHS[name], proto.SerializeToString())
    except OSError as error:
        raise ExportError(f"{folder} cannot be written: {error.strerror or error}", field="to") from None


def _document(request: KerasExport, functional: Any, found: Classifier) -> dict[str, Any]:
    layers = [layer for layer in functional._flatten_layers(recursive=False) if type(layer).__name__ in _RECURRENT]
    units = [getattr(layer, "forward_layer", layer).units for layer in layers]
    both = any(type(layer).__name__ == "Bidirectional" for layer in layers)
    return {
        "name": request.folder.resolve().name,
        "version": request.version,
        "summary": f"A Keras model with {', '.join(type(layer).__name__ for layer in functional.layers[1:])}.",
        "architecture": {
            "direction": "bidirectional" if both else "forward",
            "layers": len(layers),
            "units": max(units, default=0),
            "head": "keras",
            "parameters": int(functional.count_params()),
        },
        "additive": found.additive,
        "precisions": GRAPHS,
        "default_precision": "fp32",
        "tokenizer": "tokenizer.json",
        "export": {"source": request.model.name, "largest_difference": found.largest_difference},
        "versions": {
            "python": ".".join(map(str, sys.version_info[:3])),
            **{package: installed_version(package) for package in _PACKAGES},
        },
        "opset": OPSET,
    }


def _card(document: dict[str, Any]) -> str:
    shares = "with each token's contribution" if document["additive"] else "without contributions"
    return (
        f"# {document['name']} {document['version']}\n\n{document['summary']} Exported from "
        f"`{document['export']['source']}`, {shares}; the probability differs from Keras by at most "
        f"{document['export']['largest_difference']:.1e} on padded batches of random tokens.\n\n"
        f'```python\nimport sentiline\n\nwith sentiline.load("{document["name"]}") as model:\n'
        '    print(model.predict(["A film I could not stop thinking about."])[0])\n```\n'
    )
