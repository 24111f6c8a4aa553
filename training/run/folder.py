"""A folder that holds one piece of work to go on with: which file is what, and who may write it; no training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic

from filelock import FileLock, Timeout

from sentiline.atomic_write import write_atomically
from sentiline.tokenizer import Tokenizer
from training.config.recipe import AnyRecipe, Recipe
from training.errors import CheckpointError, ConfigError, TrainingError


@dataclass(frozen=True)
class RunFolder(Generic[Recipe]):
    """Paths that the folders of all kinds of fits have in common; `Recipe` is its config's type.

    Attributes:
        folder: the folder.
        kind: what it holds, for messages.
        pictures: names of the pictures and reports that a finished run leaves.
    """

    folder: Path
    kind: ClassVar[str]
    pictures: ClassVar[tuple[str, ...]]
    _recipe: ClassVar[type[Any]]  # Recipe, which a class variable cannot name

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
    def log(self) -> Path:
        """One JSON line an epoch."""
        return self.folder / "log.jsonl"

    def start(self, config: Recipe, data: Mapping[str, Any], *, resume: bool, overwrite: bool) -> bool:
        """Claim the folder.

        Args:
            config: the recipe.
            data: description of the data, with digests.
            resume: go on from the last checkpoint.
            overwrite: throw away what is there.

        Returns:
            Whether there is a checkpoint to go on from.

        Raises:
            TrainingError: the folder holds a run and neither `resume` nor `overwrite` was asked for, or it holds
                something else.
            ConfigError: the run to resume has another config or other data.
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
                f"{self.folder} already holds a {self.kind}; --resume goes on with it, --overwrite throws it away, "
                f"--run names another folder",
                field="run",
            )
        self.require(config, data)
        return self.checkpoint.exists()

    @property
    def results(self) -> tuple[Path, ...]:
        """What a run leaves beside its config, its log, its tokenizer and its checkpoint."""
        return tuple(self.folder / name for name in self.pictures)

    @property
    def _written(self) -> tuple[Path, ...]:
        """Every file but the config, the checkpoint first."""
        return (self.checkpoint, self.log, self.tokenizer, *self.results)

    def _make(self, config: Recipe, data: Mapping[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.config, (json.dumps(_document(config, data), indent=2) + "\n").encode())
        except OSError as error:
            raise TrainingError(
                f"{self.folder} cannot be the folder of a {self.kind}: {error.strerror}", field="run"
            ) from None

    def _clear(self) -> None:
        """Remove what a run wrote and nothing else, the config last: a kill on the way leaves a run to resume."""
        if self.config.exists():
            self.read_config()  # refuses what is not a run of this kind
            for path in self._written:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            self.config.unlink()

    def require(self, config: Recipe, data: Mapping[str, Any]) -> None:
        """Check that this is the folder of that run.

        Raises:
            ConfigError: it has another config or other data; names every difference.
            TrainingError: it is not the folder of a run of this kind.
        """
        # Through the config's class, so that a field which is newer than the run has its default.
        there, data_there = self.read_config()
        found, wanted = _document(there, data_there), _document(config, data)
        differences = [
            f"{part}.{key} is {found[part].get(key)!r} there and {wanted[part].get(key)!r} here"
            for part in ("config", "data")
            for key in {**found[part], **wanted[part]}
            if found[part].get(key) != wanted[part].get(key)
        ]
        if differences:
            raise ConfigError(f"{self.folder} holds another {self.kind}: {'; '.join(differences)}", field="run")

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            document = json.loads(self.config.read_text(encoding="utf-8"))
            return {part: dict(document[part]) for part in ("config", "data")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._not_a_run(str(error)) from error

    def _not_a_run(self, reason: str) -> TrainingError:
        return TrainingError(
            f"{self.folder} is not the folder of a {self.kind} ({reason}); --run names another folder", field="run"
        )

    def read_config(self) -> tuple[Recipe, dict[str, Any]]:
        """The config and the data's description of a started run.

        Raises:
            TrainingError: the folder is not a run.
        """
        document = self._read()
        try:
            return self._recipe(**document["config"]), document["data"]
        except (ConfigError, TypeError) as error:
            raise self._not_a_run(str(error)) from error

    def read_tokenizer(self) -> Tokenizer:
        """The tokenizer of the run.

        Raises:
            CheckpointError: the run ended before it had one.
        """
        return Tokenizer.from_json(self._text(self.tokenizer), source=self.tokenizer)

    def write_log(self, history: list[dict[str, Any]]) -> None:
        """Write the whole history, one line an epoch."""
        write_atomically(self.log, "".join(json.dumps(epoch) + "\n" for epoch in history).encode())

    def read_log(self) -> list[dict[str, Any]]:
        """The history so far.

        Raises:
            CheckpointError: no epoch of the run is complete.
        """
        return [json.loads(line) for line in self._text(self.log).splitlines()]

    def _text(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CheckpointError(
                f"{self.folder} has no {path.name} yet: its {self.kind} ended too early; go on with it by --resume",
                field="run",
            ) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder.

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
                f"another {self.kind} is at work in {self.folder}; wait for it, or name another --run"
            ) from None


def _document(config: AnyRecipe, data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What `config.json` says of a run, as JSON gives it back."""
    document: dict[str, dict[str, Any]] = json.loads(json.dumps({"config": config.as_dict(), "data": data}))
    return document
