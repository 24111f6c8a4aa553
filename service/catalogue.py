"""What `GET /models` and `GET /info` tell: the models there are and how this service is set up; loads nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sentiline
from sentiline.bundle import MANIFEST, Bundle, installed
from sentiline.errors import BundleError

from .settings import Settings

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

    from .engine import Engine

LIMITS = (
    "max_header_bytes",
    "max_body_bytes",
    "max_json_depth",
    "max_items",
    "max_text_characters",
    "max_pending_tokens",
    "timeout_ms",
    "model_memory_mb",
)


def models(engine: Engine) -> dict[str, Any]:
    """The answer of `GET /models`; reads the manifests, so not on the event loop.

    Raises:
        SettingError: `SENTILINE_MODELS` names a folder that does not exist.
    """
    loaded, failed = engine.loaded(), engine.failed()
    described = [describe(name, path, loaded, failed, engine.settings) for name, path in installed().items()]
    return {"default": engine.settings.model, "models": described}


def info(engine: Engine) -> dict[str, Any]:
    """The answer of `GET /info`; reads the manifests too."""
    settings = engine.settings
    default = engine.loaded().get(settings.model)
    return {
        "service": "sentiline",
        "version": sentiline.__version__,
        "ready": engine.ready,
        "precision": settings.precision if default is None else default.precision,
        "threads": engine.threads,
        "workers": settings.workers,
        "limits": {name: getattr(settings, name) for name in LIMITS},
        **models(engine),
    }


def describe(
    name: str, path: Path, loaded: Mapping[str, Predictor], failed: frozenset[str], settings: Settings
) -> dict[str, Any]:
    """One model.

    Args:
        name: under which requests ask for it.
        path: its folder.
        loaded: the models in memory.
        failed: names of those that could not be loaded.
        settings: the service's settings.

    Returns:
        Its entry. `digest` is the SHA-256 of the manifest, which holds those of all other files: it names the exact
        model. A manifest that cannot be read leaves only the name and the state.
    """
    try:
        bundle = Bundle.open(path)
        digest = hashlib.sha256((path / MANIFEST).read_bytes()).hexdigest()
    except (BundleError, OSError):
        return {"name": name, "state": "unusable"}
    manifest, predictor = bundle.manifest, loaded.get(name)
    wanted = settings.precision or manifest.default_precision
    usable = name not in failed and manifest.name == name and wanted in manifest.precisions
    return {
        "name": name,
        "state": "loaded" if predictor is not None else "available" if usable else "unusable",
        "version": manifest.version,
        "digest": f"sha256:{digest}",
        "summary": manifest.document.get("summary"),
        "additive": manifest.additive,
        "precision": wanted if predictor is None else predictor.precision,
        "precisions": sorted(manifest.precisions),
        "max_tokens": None if predictor is None else predictor.tokenizer.max_tokens,
        "truncation": None if predictor is None else predictor.tokenizer.truncation,
        "files": {file: {"sha256": record.sha256, "bytes": record.size} for file, record in manifest.files.items()},
    }
