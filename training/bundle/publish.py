"""Publication of a finished run as a bundle: calibration, export, parity check, metrics, plots and model card."""

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
from training.bundle.model_card import render_card
from training.bundle.record_metrics import score_bundle
from training.bundle.record_thresholds import fit_neutral, score_texts
from training.bundle.writer import write_bundle
from training.config.fit import FitConfig
from training.data.dataset import Labelled, encode
from training.errors import DataError
from training.evaluation.calibration import BINS
from training.evaluation.calibration_plots import draw_calibration
from training.evaluation.length_thresholds import fit_length_thresholds
from training.evaluation.platt import Platt
from training.evaluation.thresholds import MAX_ERROR_RATIO, MAX_FLAGGED
from training.export.calibrate_head import calibrate_head
from training.export.convert import OPSET, quantize, round_vectors_to_float16, store_vectors_as_float16, to_onnx
from training.export.parity_check import ParityReport, check_parity
from training.nn.model import SentimentModel, build_model
from training.run import checkpoint
from training.supervised.epoch import best_epoch
from training.supervised.plots import learning_curves, length_histogram
from training.supervised.run_folder import Run
from training.supervised.trainer import assign_weights

_GRAPHS = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
_PACKAGES = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy")
_PARITY_REVIEWS = 64
_LENGTHS_LIMIT = 100_000


def publish(
    run: Run,
    folder: Path,
    train: Sequence[Labelled],
    validation: Sequence[Labelled],
    *,
    neutral: Sequence[Labelled] = (),
    version: str,
    console: Console | None = None,
) -> Bundle:
    """Export the best weights of a run into a bundle folder, and write its plots and report into the run folder.

    Args:
        run: A run that has completed at least one epoch.
        folder: The bundle's folder; an older bundle there is replaced.
        train: The training reviews, for the histogram of lengths.
        validation: The held-out reviews, for the parity check and the validation metrics.
        neutral: Held-out neutral reviews, for the cut points; empty for none.
        version: The bundle's version.
        console: The console that shows tables; None for none.

    Raises:
        ExportError: The parity check failed, or the folder holds something other than a bundle.
        CheckpointError: The run has not finished an epoch.
    """
    shown = console or Console(quiet=True)
    config, data = run.read_config()
    tokenizer = run.read_tokenizer()
    model = load_best(run, config, tokenizer)
    platt = calibrate_head(model, encode(validation, tokenizer))
    fp32 = to_onnx(model)
    int8 = quantize(fp32)
    fp32 = store_vectors_as_float16(fp32)
    report = check_parity(
        model, fp32, int8, encode(validation[:: max(1, len(validation) // _PARITY_REVIEWS)], tokenizer).ids
    )
    shown.print(report.table())
    history = run.read_log()
    best = best_epoch(history)
    whole = tokenizer.with_limit(_LENGTHS_LIMIT, "head")
    precisions = {name: file for name, file in _GRAPHS.items() if config.precision in ("both", name)}
    graphs = {"fp32": fp32, "int8": int8}
    files = {
        **{file: graphs[name].SerializeToString() for name, file in precisions.items()},
        "tokenizer.json": tokenizer.to_json().encode(),
        "curves.png": learning_curves(history, best, config.loss),
        "lengths.png": length_histogram(encode(train, whole).lengths, config.served_tokens),
    }
    document = _document(config, data, model, version, report, history) | {
        "precisions": precisions,
        "default_precision": "int8" if "int8" in precisions else "fp32",
    }
    with tempfile.TemporaryDirectory() as scratch:  # measure it before it replaces an older bundle
        draft = write_bundle(Path(scratch, config.name), document, files)
        scored = {precision: score_bundle(draft, precision, validation, shown) for precision in precisions}
        served = scored[document["default_precision"]]
        thresholds = fit_length_thresholds(
            served.as_texts("validation"),
            target_error=round(MAX_ERROR_RATIO * float((served.predicted != served.labels).mean()), 4),
            max_flagged=MAX_FLAGGED,
        )
        if neutral:
            document |= _neutral(draft, [*validation, *neutral], shown)
    figures = {precision: reviews.evaluation().as_dict() for precision, reviews in scored.items()}
    document["metrics"] |= {"validation": figures}
    document["calibration"] = _calibration(platt, figures[document["default_precision"]])
    document["uncertainty"] = thresholds.as_dict()
    confidence = thresholds.thresholds.confidence
    files |= draw_calibration(document["metrics"], document["default_precision"], confidence)
    bundle = write_bundle(folder, document, {**files, "README.md": render_card(document, files).encode()})
    for name in (name for name in files if name.endswith(".png")):
        write_atomically(run.folder / name, files[name])
    write_atomically(run.folder / "report.md", bundle.read("README.md"))
    return bundle


def _neutral(draft: Bundle, reviews: Sequence[Labelled], console: Console) -> dict[str, Any]:
    """Return the manifest's block with the cut points; nothing, with a warning, if they cannot be fitted."""
    labels = [round(2 * review.label) - 1 for review in reviews]
    texts = score_texts(draft, [review.text for review in reviews], labels, ["validation"] * len(reviews))
    try:
        return {"neutral": fit_neutral(texts).manifest_entry()}
    except DataError as error:
        console.print(f"no cut points for neutral texts: {error}", style="bold red", highlight=False, markup=False)
        return {}


def load_best(run: Run, config: FitConfig, tokenizer: Tokenizer) -> SentimentModel:
    """Return the Keras model of a run with its best weights, as they are exported.

    It computes in float32 regardless of the precision of training, and its word vectors are rounded to float16 values.
    """
    model = build_model(dataclasses.replace(config, compute="float32"), len(tokenizer.vocabulary))
    weights, _ = checkpoint.load(run.best)
    assign_weights(model, weights)
    round_vectors_to_float16(model)
    return model


def _calibration(platt: Platt, figures: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest's calibration; the error is that of the calibrated model at the default precision."""
    calibration = {
        "temperature": round(platt.temperature, 6),
        "shift": round(platt.shift, 6),
        "ece": figures["calibration"]["ece"],
        "bins": BINS,
        "reviews": figures["reviews"],
    }
    return calibration | ({"note": platt.note} if platt.note else {})


def _document(
    config: FitConfig,
    data: dict[str, Any],
    model: SentimentModel,
    version: str,
    report: ParityReport,
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
