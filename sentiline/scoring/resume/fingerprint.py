"""What a run was asked to do, as plain values that a journal holds: a resumed run must be asked the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from sentiline._version import __version__
from sentiline.predictor import Predictor
from sentiline.scoring.io.source import Source


def header_of(predictor: Predictor, sources: Sequence[Source], options: Mapping[str, Any]) -> dict[str, Any]:
    """Model, inputs and options of a run, of whatever engine.

    Args:
        predictor: the model.
        sources: the inputs.
        options: by name, as plain values.
    """
    manifest = predictor.manifest
    graph = manifest.precisions[predictor.precision]
    return {
        "release": __version__,
        "model": [manifest.name, manifest.version, predictor.precision, manifest.files[graph].sha256],
        "tokenizer": manifest.files[manifest.tokenizer].sha256,
        "uncertainty": [] if manifest.uncertainty is None else list(astuple(manifest.uncertainty)),
        "inputs": [[one.location.identity, one.size, one.modified] for one in sources if one.location],
        "options": dict(options),
    }


def digest_of(header: Mapping[str, Any]) -> str:
    """What tells two runs apart that were asked different things."""
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()
