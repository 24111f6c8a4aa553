"""The folder of one fit: which file is what."""

from __future__ import annotations

from pathlib import Path

from training.config.fit import FitConfig
from training.run.folder import RunFolder


class Run(RunFolder[FitConfig]):
    """Paths of the folder of a fit."""

    kind = "fit"
    pictures = ("curves.png", "lengths.png", "reliability.png", "risk.png", "report.md")
    _recipe = FitConfig

    @property
    def best(self) -> Path:
        """Averaged weights of the best epoch."""
        return self.folder / "best.npz"

    @property
    def bundle(self) -> Path:
        """The exported bundle."""
        return self.folder / "bundle"

    @property
    def results(self) -> tuple[Path, ...]:
        """What a fit leaves beside its config, its log, its tokenizer and its checkpoint."""
        return (self.best, *super().results, self.bundle)
