"""The responses of `GET /models` and `GET /info`: the available models and the service's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sentiline
from sentiline.bundle import Bundle, Manifest
from sentiline.code_points import has_lone_surrogates
from sentiline.errors import BundleError

from ..engine.model_store import installed_models
from ..http.connections import connection_limit
from ..settings import Settings

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

    from ..engine.engine import Engine

LIMITS = (
    "max_header_bytes",
    "max_body_bytes",
    "max_json_depth",
    "max_items",
    "max_text_characters",
    "max_pending_tokens",
    "timeout_ms",
    "keep_alive_seconds",
    "max_connections",
    "max_buffered_bytes",
    "model_memory_mb",
)


def models(engine: Engine) -> dict[str, Any]:
    """The response of `GET /models`. It reads manifests from disk, so it must not run on the event loop.

    Raises:
        ServiceError: 503 if a folder of models cannot be read.
    """
    loaded, failed = engine.loaded(), engine.failed()
    installed = {name: _read(path) for name, path in installed_models().items()}
    # a pinned or loaded model answers even if its folder has changed since or is gone
    manifests = installed | {name: _read(copy) for name, copy in engine.store.pins.pinned().items()}
    manifests |= {name: predictor.manifest for name, predictor in loaded.items()}
    described = [
        describe(name, manifest, loaded, failed, engine.settings) | _update(manifest, installed.get(name))
        for name, manifest in manifests.items()
    ]
    return {"default": engine.settings.model, "models": described}


def info(engine: Engine) -> dict[str, Any]:
    """The response of `GET /info`. It reads manifests from disk too."""
    settings = engine.settings
    default = engine.loaded().get(settings.model)
    limits = {name: getattr(settings, name) for name in LIMITS}
    limits["max_connections"] = connection_limit(settings.max_connections)
    return {
        "service": "sentiline",
        "version": sentiline.__version__,
        "ready": engine.ready,
        "precision": settings.precision if default is None else default.precision,
        "threads": engine.threads,
        "workers": settings.workers,
        "limits": limits,
        **models(engine),
    }


def describe(
    name: str, manifest: Manifest | None, loaded: Mapping[str, Predictor], failed: frozenset[str], settings: Settings
) -> dict[str, Any]:
    """Describe one model.

    Args:
        name: The name under which requests ask for the model.
        manifest: The manifest of the loaded model or in the model's folder; None if it cannot be read.
        loaded: The models in memory, by name.
        failed: The names of models that could not be loaded.
        settings: The service's settings.

    Returns:
        The model's entry; only name and state without a manifest. `digest` is the SHA-256 of the manifest, which holds
        the digests of all other files, so it identifies the exact model.
    """
    if manifest is None:
        return {"name": name, "state": "unusable"}
    predictor = loaded.get(name)
    summary = manifest.document.get("summary")
    wanted = settings.precision or manifest.default_precision
    usable = name not in failed and manifest.name == name and wanted in manifest.precisions
    return {
        "name": name,
        "state": "loaded" if predictor is not None else "available" if usable else "unusable",
        "version": manifest.version,
        "digest": f"sha256:{manifest.digest}",
        "summary": summary if isinstance(summary, str) and not has_lone_surrogates(summary) else None,
        "additive": manifest.additive,
        "precision": wanted if predictor is None else predictor.precision,
        "precisions": sorted(manifest.precisions),
        "max_tokens": None if predictor is None else predictor.tokenizer.max_tokens,
        "truncation": None if predictor is None else predictor.tokenizer.truncation,
        "uncertainty": None if manifest.uncertainty is None else manifest.uncertainty.as_dict(),
        **({} if manifest.cut_points is None else {"neutral": manifest.cut_points.as_dict()}),
        "files": {file: {"sha256": record.sha256, "bytes": record.size} for file, record in manifest.files.items()},
    }


def _update(served: Manifest | None, installed: Manifest | None) -> dict[str, Any]:
    """Announce the version in a model's folder if it is not the one that is served."""
    if served is None:
        return {}
    if installed is None or installed.digest == served.digest:
        return {"update": None}
    return {"update": {"version": installed.version, "digest": f"sha256:{installed.digest}"}}


def _read(path: Path) -> Manifest | None:
    try:
        return Bundle.open(path).manifest
    except (BundleError, OSError):
        return None
