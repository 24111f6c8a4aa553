"""The service as in BentoML's introduction: a method with type hints and nothing else."""

from __future__ import annotations

import os
from typing import Any

import bentoml

from sentiline.predictor import load


@bentoml.service(workers=1)
class Naive:
    """Sentiline's predictor behind a native API, with BentoML's own defaults."""

    def __init__(self) -> None:
        """Load the model that SENTILINE_MODEL names."""
        self.model = load(os.environ.get("SENTILINE_MODEL") or "bilstm")

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, inputs: str, detail: str = "timesteps") -> dict[str, Any]:
        """Score one text."""
        return self.model.answer(self.model.read([inputs]), detail)  # type: ignore[arg-type]
