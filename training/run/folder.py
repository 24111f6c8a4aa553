"""A run folder: the names of its files, and who may write them."""

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
from training.config.recipe import Recipe, RecipeT
from training.errors import CheckpointError, ConfigError, TrainingError


@dataclass(frozen=True)
class RunFolder(Generic[RecipeT]):
    """The files that the run folders of all stages have in common. `RecipeT` is the type of the configuration.

    Attributes:
        folder: The folder.
        kind: The name of such a run in messages.
        pictures: The names of the charts and reports that a finished run leaves.
    """

    folder: Path
    kind: ClassVar[str]
    pictures: ClassVar[tuple[str, ...]]
    _recipe: ClassVar[type[Any]]  # RecipeT, which a class variable cannot name

    @property
    def config(self) -> Path:
        """The configuration and the description of the data, as JSON."""
        return self.folder / "config.json"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer, as the bundle will carry it."""
        return self.folder / "tokenizer.json"

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint."""
        return self.folder / "checkpoint.npz"

    @property
    def log(self) -> Path:
        """The log, one JSON line per epoch."""
        return self.folder / "log.jsonl"

    def start(self, config: RecipeT, data: Mapping[str, Any], *, resume: bool, overwrite: bool) -> bool:
        """Start a run in the folder, or check that the run in it can be resumed.

        Args:
            config: The configuration.
            data: The description of the data, with digests.
            resume: Whether to continue from the last checkpoint.
            overwrite: Whether to delete the run that the folder holds.

        Returns:
            Whether there is a checkpoint to continue from.

        Raises:
            TrainingError: The folder holds a run and neither `resume` nor `overwrite` is given, or it holds something
                else.
            ConfigError: The run to resume has a different configuration or different data.
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
                f"{self.folder} already holds a {self.kind}; --resume continues it, --overwrite deletes it, "
                f"--run names another folder",
                field="run",
            )
        self.require(config, data)
        return self.checkpoint.exists()

    @property
    def results(self) -> tuple[Path, ...]:
        """The files of a run apart from its configuration, log, tokenizer and checkpoint."""
        return tuple(self.folder / name for name in self.pictures)

    @property
    def _written(self) -> tuple[Path, ...]:
        """Every file but the configuration, the checkpoint first."""
        return (self.checkpoint, self.log, self.tokenizer, *self.results)

    def _make(self, config: RecipeT, data: Mapping[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.config, (json.dumps(_document(config, data), indent=2) + "\n").encode())
        except OSError as error:
            raise TrainingError(
                f"{self.folder} cannot be the folder of a {self.kind}: {error.strerror}", field="run"
            ) from None

    def _clear(self) -> None:
        """Remove the files of a run and nothing else; the configuration last, so that a kill leaves a resumable run."""
        if self.config.exists():
            self.read_config()  # raises if the folder does not hold a run of this kind
            for path in self._written:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            self.config.unlink()

    def require(self, config: RecipeT, data: Mapping[str, Any]) -> None:
        """Check that the folder holds the run with this configuration and this data.

        Raises:
            ConfigError: The configuration or the data differs; names every difference.
            TrainingError: The folder does not hold a run of this kind.
        """
        # Reading it as an object of the config's class gives fields that are newer than the run their defaults.
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

    def read_config(self) -> tuple[RecipeT, dict[str, Any]]:
        """Read the configuration and the description of the data.

        Raises:
            TrainingError: The folder does not hold a run of this kind.
        """
        document = self._read()
        try:
            return self._recipe(**document["config"]), document["data"]
        except (ConfigError, TypeError) as error:
            raise self._not_a_run(str(error)) from error

    def read_tokenizer(self) -> Tokenizer:
        """Read the tokenizer.

        Raises:
            CheckpointError: The run ended before it was written.
        """
        return Tokenizer.from_json(self._text(self.tokenizer), source=self.tokenizer)

    def write_log(self, history: list[dict[str, Any]]) -> None:
        """Write the whole history, one line per epoch."""
        write_atomically(self.log, "".join(json.dumps(epoch) + "\n" for epoch in history).encode())

    def read_log(self) -> list[dict[str, Any]]:
        """Read the history, one dict per complete epoch.

        Raises:
            CheckpointError: No epoch is complete.
        """
        return [json.loads(line) for line in self._text(self.log).splitlines()]

    def _text(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CheckpointError(
                f"{self.folder} has no {path.name}: its {self.kind} ended before writing it; continue it with --resume",
                field="run",
            ) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other processes, and report errors of the file system as `reporting_os_errors` does.

        Raises:
            TrainingError: Another process has locked it, or it cannot be written.
        """
        with self.reporting_os_errors():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            path = self.folder.with_name(f".{self.folder.name}.lock")
            path.touch()  # where no file can be made, FileLock would report a timeout
            try:
                with FileLock(path, timeout=0):
                    yield
            except Timeout:
                raise TrainingError(
                    f"another {self.kind} is running in {self.folder}; wait for it, or name another --run"
                ) from None

    @contextmanager
    def reporting_os_errors(self) -> Iterator[None]:
        """Report an error of the file system in the block as one message with the path, the reason and the remedy.

        Raises:
            TrainingError: A file cannot be written or read.
        """
        try:
            yield
        except OSError as error:
            path, reason = error.filename or self.folder, error.strerror or str(error)
            raise TrainingError(f"{path}: {reason}; {self._remedy(error)}", field="run") from error

    def _remedy(self, error: OSError) -> str:
        """What to do after an error of the file system."""
        if self.checkpoint.exists():
            return f"once this is mended, --resume continues the {self.kind} from its last checkpoint"
        if isinstance(error, FileNotFoundError) and not self.folder.exists():
            return f"{self.folder} was deleted, or cannot be made; start the {self.kind} again elsewhere (--run)"
        return f"once this is mended, start the {self.kind} again with --resume, or name another --run"


def _document(config: Recipe, data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The content of `config.json`, as it is read back."""
    document: dict[str, dict[str, Any]] = json.loads(json.dumps({"config": config.as_dict(), "data": data}))
    return document
