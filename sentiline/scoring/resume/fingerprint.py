"""The fingerprint of a run: its model, inputs and options, which must not change when it is resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sentiline._version import __version__
from sentiline.predictor import Predictor
from sentiline.scoring.io.source import Source
from sentiline.scoring.options import ScoreOptions


def run_fingerprint(predictor: Predictor, sources: Sequence[Source], options: ScoreOptions) -> dict[str, Any]:
    """Return the fingerprint of a run, on this machine or on a cluster.

    Args:
        predictor: The model.
        sources: The input files.
        options: How to score.

    Returns:
        Plain values for the journal.
    """
    manifest = predictor.manifest
    graph = manifest.precisions[predictor.precision]
    return {
        "release": __version__,
        "model": [manifest.name, manifest.version, predictor.precision, manifest.files[graph].sha256],
        "tokenizer": manifest.files[manifest.tokenizer].sha256,
        "uncertainty": [] if manifest.uncertainty is None else list(manifest.uncertainty.as_dict().values()),
        **({} if manifest.cut_points is None else {"neutral": manifest.cut_points.as_dict()}),
        "inputs": [[one.location.identity, one.size, one.modified] for one in sources if one.location],
        # A run that stopped at a bad row is resumed with other values of the options that say what to do with it.
        "options": {name: value for name, value in asdict(options).items() if name not in ("strict", "bad_rows")},
    }


def fingerprint_digest(fingerprint: Mapping[str, Any]) -> str:
    """Return the SHA-256 digest of a fingerprint in hexadecimal."""
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()
