"""The files in the folder of a pre-training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.config.pretraining import PretrainConfig
from training.run.folder import RunFolder


class PretrainRun(RunFolder[PretrainConfig]):
    """Paths in the folder of a pre-training."""

    kind = "pre-training"
    pictures = ("curves.png", "report.md")
    _recipe = PretrainConfig

    @property
    def encoder(self) -> Path:
        """The resulting encoder."""
        return self.folder / "encoder.npz"

    @property
    def results(self) -> tuple[Path, ...]:
        """All files that a pre-training writes besides its config, log, tokenizer and checkpoint."""
        return (self.encoder, *super().results)

    def provenance(self) -> dict[str, Any]:
        """Return config, data description and log, JSON-ready."""
        return {**self._read(), "history": self.read_log()}
