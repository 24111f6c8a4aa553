"""The folder of one fit: which file is what, and who may write it; no training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from filelock import FileLock, Timeout

from sentiline.tokenizer import Tokenizer
from training.checkpoint import write_atomically
from training.errors import CheckpointError, ConfigError, TrainingError
from training.ngram_presets import NgramConfig
from training.presets import FitConfig
from training.pretrain_presets import PretrainConfig

Recipe: TypeAlias = FitConfig | PretrainConfig | NgramConfig
"""What decides a run."""


@dataclass(frozen=True)
class Run:
    """Paths of a run folder.

    Attributes:
        folder: the folder.
    """

    folder: Path

    @property
    def config(self) -> Path:
        """The config and the data's description, as JSON."""
        return self.folder / "config.json"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer as the bundle will carry it."""
        return self.folder / "tokenizer.json"

    @property
    def checkpoint(self) -> Path:
        """The last complete state."""
        return self.folder / "checkpoint.npz"

    @property
    def best(self) -> Path:
        """Averaged weights of the best epoch."""
        return self.folder / "best.npz"

    @property
    def log(self) -> Path:
        """One JSON line an epoch."""
        return self.folder / "log.jsonl"

    @property
    def bundle(self) -> Path:
        """The exported bundle."""
        return self.folder / "bundle"

    def start(self, config: Recipe, data: Mapping[str, Any], *, resume: bool, overwrite: bool) -> bool:
        """Claim the folder for a fit.

        Args:
            config: the recipe.
            data: description of the data, with digests.
            resume: go on from the last checkpoint.
            overwrite: throw away what is there.

        Returns:
            Whether there is a checkpoint to go on from.

        Raises:
            TrainingError: the folder holds a fit and neither `resume` nor `overwrite` was asked for, or it holds
                something else.
            ConfigError: the fit to resume has another config or other data.
        """
        if overwrite:
            self._clear()
        if not self.config.exists():
            for path in self._written:
                if path.exists():
                    raise self._not_a_run(f"it has {path.name} but no {self.config.name}")
            self._make(config, data)
            return False
        if not resume:
            raise TrainingError(
                f"{self.folder} already holds a fit; --resume goes on with it, --overwrite throws it away, "
                f"--run names another folder",
                field="run",
            )
        self.require(config, data)
        return self.checkpoint.exists()

    @property
    def _written(self) -> tuple[Path, ...]:
        """What a fit leaves beside its config, the checkpoint first."""
        names = ("curves.png", "lengths.png", "reliability.png", "risk.png", "report.md")
        pictures = (self.folder / name for name in names)
        return (self.checkpoint, self.best, self.log, self.tokenizer, *pictures)

    def _make(self, config: Recipe, data: Mapping[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.config, (json.dumps(_document(config, data), indent=2) + "\n").encode())
        except OSError as error:
            raise TrainingError(f"{self.folder} cannot be the folder of a fit: {error.strerror}", field="run") from None

    def _clear(self) -> None:
        """Remove what a fit wrote and nothing else, the config last: a kill on the way leaves a fit to resume."""
        if self.config.exists():
            self._read()
            for path in self._written:
                path.unlink(missing_ok=True)
            shutil.rmtree(self.bundle, ignore_errors=True)
            self.config.unlink()

    def require(self, config: Recipe, data: Mapping[str, Any]) -> None:
        """Check that this is the folder of that fit.

        Raises:
            ConfigError: it has another config or other data; names every difference.
            TrainingError: it is not the folder of a fit.
        """
        # Through FitConfig, so that a field which is newer than the run has its default.
        there, data_there = self.read_config()
        found, wanted = _document(there, data_there), _document(config, data)
        differences = [
            f"{part}.{key} is {found[part].get(key)!r} there and {wanted[part].get(key)!r} here"
            for part in ("config", "data")
            for key in {**found[part], **wanted[part]}
            if found[part].get(key) != wanted[part].get(key)
        ]
        if differences:
            raise ConfigError(f"{self.folder} holds another fit: {'; '.join(differences)}", field="run")

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            document = json.loads(self.config.read_text(encoding="utf-8"))
            return {part: dict(document[part]) for part in ("config", "data")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._not_a_run(str(error)) from error

    def _not_a_run(self, reason: str) -> TrainingError:
        return TrainingError(
            f"{self.folder} is not the folder of a fit ({reason}); --run names another folder", field="run"
        )

    def read_config(self) -> tuple[FitConfig, dict[str, Any]]:
        """The config and the data's description of a started run.

        Raises:
            TrainingError: the folder is not a run.
        """
        document = self._read()
        try:
            return self._config_of(document["config"]), document["data"]
        except (ConfigError, TypeError) as error:
            raise self._not_a_run(str(error)) from error

    def _config_of(self, fields: dict[str, Any]) -> FitConfig:
        return FitConfig(**fields)

    def read_tokenizer(self) -> Tokenizer:
        """The tokenizer of the run.

        Raises:
            CheckpointError: the fit ended before it had one.
        """
        return Tokenizer.from_json(self._text(self.tokenizer), source=self.tokenizer)

    def write_log(self, history: list[dict[str, Any]]) -> None:
        """Write the whole history, one line an epoch."""
        write_atomically(self.log, "".join(json.dumps(epoch) + "\n" for epoch in history).encode())

    def read_log(self) -> list[dict[str, Any]]:
        """The history so far.

        Raises:
            CheckpointError: no epoch of the fit is complete.
        """
        return [json.loads(line) for line in self._text(self.log).splitlines()]

    def _text(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CheckpointError(
                f"{self.folder} has no {path.name} yet: its fit ended too early; go on with it by --resume", field="run"
            ) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other fits out of the folder.

        Raises:
            TrainingError: one is at work in it.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_name(f".{self.folder.name}.lock"), timeout=0)
        try:
            with lock:
                yield
        except Timeout:
            raise TrainingError(
                f"another fit is at work in {self.folder}; wait for it, or name another --run"
            ) from None


class PretrainRun(Run):
    """Paths of the folder of a pre-training."""

    @property
    def encoder(self) -> Path:
        """The encoder that came out."""
        return self.folder / "encoder.npz"

    @property
    def _written(self) -> tuple[Path, ...]:
        return (self.checkpoint, self.encoder, self.log, self.tokenizer)

    def _config_of(self, fields: dict[str, Any]) -> Any:
        return PretrainConfig(**fields)

    def provenance(self) -> dict[str, Any]:
        """Config, data and log, JSON-ready."""
        return {**self._read(), "history": self.read_log()}


def _document(config: Recipe, data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What `config.json` says of a fit, as JSON gives it back."""
    document: dict[str, dict[str, Any]] = json.loads(json.dumps({"config": config.as_dict(), "data": data}))
    return document
