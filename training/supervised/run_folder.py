"""The run folder of a fit."""

from __future__ import annotations

from pathlib import Path

from training.config.fit import FitConfig
from training.run.folder import RunFolder


class Run(RunFolder[FitConfig]):
    """The files of a fit."""

    kind = "fit"
    pictures = ("curves.png", "lengths.png", "reliability.png", "risk.png", "report.md")
    _recipe = FitConfig

    @property
    def best(self) -> Path:
        """The averaged weights of the best epoch."""
        return self.folder / "best.npz"

    @property
    def bundle(self) -> Path:
        """The exported bundle."""
        return self.folder / "bundle"

    @property
    def results(self) -> tuple[Path, ...]:
        """The files of a fit apart from its configuration, log, tokenizer and checkpoint."""
        return (self.best, *super().results, self.bundle)
