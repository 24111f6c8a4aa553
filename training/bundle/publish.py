"""From a finished run to a bundle: calibration, export, gate, validation figures, pictures, card."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from sentiline.atomic_write import write_atomically
from sentiline.bundle import Bundle
from sentiline.tokenizer import Tokenizer
from training.bundle.model_card import render
from training.bundle.record_metrics import measure
from training.bundle.writer import write_bundle
from training.config.presets import FitConfig
from training.data.dataset import Labelled, encode
from training.evaluation.calibration import BINS
from training.evaluation.calibration_plots import pictures
from training.evaluation.platt import Platt
from training.evaluation.thresholds import fit_thresholds
from training.export.calibrate_head import calibrate
from training.export.convert import OPSET, quantize, round_vectors, store_vectors_as_half, to_onnx
from training.export.parity_check import GateReport, check
from training.nn.model import SentimentModel, build_model
from training.plotting import curves, lengths
from training.run import checkpoint
from training.supervised.fit import best_epoch
from training.supervised.run_folder import Run
from training.supervised.trainer import assign_weights

_GRAPHS = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
_PACKAGES = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy")
_GATE_REVIEWS = 64
_LENGTHS_LIMIT = 100_000


def publish(
    run: Run,
    folder: Path,
    train: Sequence[Labelled],
    validation: Sequence[Labelled],
    *,
    version: str,
    console: Console | None = None,
) -> Bundle:
    """Export the best weights of a run into a bundle folder; pictures and report go into the run folder as well.

    Args:
        run: a run whose first epoch, at least, is complete.
        folder: where the bundle goes; an older one there is replaced.
        train: the reviews it was fitted on, for the histogram of lengths.
        validation: the held-out reviews, for the gate and the validation figures.
        version: the bundle's version.
        console: where to show tables; None for nowhere.

    Raises:
        ExportError: the graphs do not do what the model does, or the folder holds something else than a bundle.
        CheckpointError: the run has no finished epoch.
    """
    shown = console or Console(quiet=True)
    config, data = run.read_config()
    tokenizer = run.read_tokenizer()
    model = load_best(run, config, tokenizer)
    scaling = calibrate(model, encode(validation, tokenizer))
    fp32 = to_onnx(model)
    int8 = quantize(fp32)
    fp32 = store_vectors_as_half(fp32)
    report = check(model, fp32, int8, encode(validation[:: max(1, len(validation) // _GATE_REVIEWS)], tokenizer).ids)
    shown.print(report.table())
    history = run.read_log()
    best = best_epoch(history)
    whole = Tokenizer(tokenizer.vocabulary, max_tokens=_LENGTHS_LIMIT, truncation="head")
    precisions = {name: file for name, file in _GRAPHS.items() if config.precision in ("both", name)}
    graphs = {"fp32": fp32, "int8": int8}
    files = {
        **{file: graphs[name].SerializeToString() for name, file in precisions.items()},
        "tokenizer.json": tokenizer.to_json().encode(),
        "curves.png": curves(history, best, config.loss),
        "lengths.png": lengths(encode(train, whole).lengths, config.served_tokens),
    }
    document = _document(config, data, model, version, report, history) | {
        "precisions": precisions,
        "default_precision": "int8" if "int8" in precisions else "fp32",
    }
    with tempfile.TemporaryDirectory() as beside:  # measured before it takes the place of an older bundle
        draft = write_bundle(Path(beside, config.name), document, files)
        scored = {precision: measure(draft, precision, validation, shown) for precision in precisions}
    served = scored[document["default_precision"]]
    thresholds = fit_thresholds(served.scores, served.called == served.labels, served.unknown)
    figures = {precision: reviews.evaluation().as_dict() for precision, reviews in scored.items()}
    document["metrics"] |= {"validation": figures}
    document["calibration"] = _calibration(scaling, figures[document["default_precision"]])
    document["uncertainty"] = thresholds.as_dict()
    files |= pictures(document["metrics"], document["default_precision"], thresholds.confidence)
    bundle = write_bundle(folder, document, {**files, "README.md": render(document, files).encode()})
    for name in (name for name in files if name.endswith(".png")):
        write_atomically(run.folder / name, files[name])
    write_atomically(run.folder / "report.md", bundle.read("README.md"))
    return bundle


def load_best(run: Run, config: FitConfig, tokenizer: Tokenizer) -> SentimentModel:
    """The Keras model of a run with its best weights, as a bundle carries them.

    It computes in float32 whatever it was fitted in; its word vectors are rounded to values of float16.
    """
    model = build_model(dataclasses.replace(config, compute="float32"), len(tokenizer.vocabulary))
    weights, _ = checkpoint.load(run.best)
    assign_weights(model, weights)
    round_vectors(model)
    return model


def _calibration(scaling: Platt, figures: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says of it; the error is that of the calibrated model, at the precision that is served."""
    calibration = {
        "temperature": round(scaling.temperature, 6),
        "shift": round(scaling.shift, 6),
        "ece": figures["calibration"]["ece"],
        "bins": BINS,
        "reviews": figures["reviews"],
    }
    return calibration | ({"note": scaling.note} if scaling.note else {})


def _document(
    config: FitConfig,
    data: dict[str, Any],
    model: SentimentModel,
    version: str,
    report: GateReport,
    history: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "name": config.name,
        "version": version,
        "summary": config.summary,
        "architecture": {
            "cell": config.cell,
            "direction": config.direction,
            "layers": config.layers,
            "units": config.units,
            "embedding": config.embedding,
            "vocabulary": int(model.embedding.input_dim),
            "head": config.head,
            "parameters": int(sum(np.prod(variable.shape) for variable in model.trainable_variables)),
        },
        "additive": config.head != "timesteps",
        "tokenizer": "tokenizer.json",
        "training": {"config": config.as_dict(), "history": history, "best_epoch": best_epoch(history)},
        "data": data,
        "metrics": {"export": report.as_dict()},
        "versions": {
            "python": ".".join(map(str, sys.version_info[:3])),
            **{package: installed_version(package) for package in _PACKAGES},
        },
        "opset": OPSET,
    }
