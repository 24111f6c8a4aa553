"""The folder of one pre-training: which file is what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.config.pretraining import PretrainConfig
from training.run.folder import RunFolder


class PretrainRun(RunFolder[PretrainConfig]):
    """Paths of the folder of a pre-training."""

    kind = "pre-training"
    pictures = ("curves.png", "report.md")
    _recipe = PretrainConfig

    @property
    def encoder(self) -> Path:
        """The encoder that came out."""
        return self.folder / "encoder.npz"

    @property
    def results(self) -> tuple[Path, ...]:
        """What a pre-training leaves beside its config, its log, its tokenizer and its checkpoint."""
        return (self.encoder, *super().results)

    def provenance(self) -> dict[str, Any]:
        """Config, data and log, JSON-ready."""
        return {**self._read(), "history": self.read_log()}
