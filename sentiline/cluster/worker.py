"""The code that runs on a cluster's nodes: tasks that read splits, and actors that score parts and write them.

Errors are returned as values, because Ray would wrap an exception in its own.
"""

from __future__ import annotations

import json
import os
import pickle
import platform
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from sentiline._version import __version__
from sentiline.bundle import MANIFEST, Bundle
from sentiline.cluster.part_writer import KEPT, PartRecord, PartWriter
from sentiline.cluster.splits import Part, Split, read_parts
from sentiline.errors import ClusterError, DataFileError, SentilineError
from sentiline.predictor import Predictor
from sentiline.reporting.statistics import Statistics
from sentiline.scoring.output_encoder import OutputEncoder
from sentiline.scoring.summary import Summary

# The only column of the rows that Ray Data carries: a pickled `Split`, `Part` or result. Left to itself, Ray pickles
# such objects as well, but only after it has tried to convert them and logged that it could not.
PAYLOAD = "payload"


@dataclass(frozen=True, slots=True)
class SplitEnd:
    """The result of reading a split to its end.

    Attributes:
        split: The split's index.
        parts: The number of its parts.
    """

    split: int
    parts: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ends the run.

    Attributes:
        error: The error, which the driver raises.
    """

    error: SentilineError


@dataclass(frozen=True, slots=True)
class ReadJob:
    """How splits are read.

    Attributes:
        encoding: The encoding of text files.
        characters: The number of characters after which a chunk ends.
        part_rows: The number of rows after which a part ends.
        finished: The parts that an earlier run wrote, by split; they are skipped.
    """

    encoding: str
    characters: int
    part_rows: int
    finished: Mapping[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """How parts are scored.

    Attributes:
        release: The driver's release of Sentiline.
        precision: The model's precision.
        threads: The number of CPUs of each actor.
        column: The column that holds the texts.
        encoder: The encoder of the output, with its columns settled, and the options of the run.
        part_writer: Where parts are written.
        dates: The column of dates and their format, for a report; None for no report.
    """

    release: str
    precision: str
    threads: int
    column: str
    encoder: OutputEncoder
    part_writer: PartWriter
    dates: tuple[str | None, str | None] | None = None


def to_row(value: object) -> dict[str, bytes]:
    """Return a value as a row of Ray Data."""
    return {PAYLOAD: pickle.dumps(value, protocol=5)}


def read_split(row: Mapping[str, bytes], job: ReadJob) -> Iterator[dict[str, bytes]]:
    """Read the split in a row; yields a row per `Part`, then one with a `SplitEnd`, or with a `Failure`."""
    split: Split = pickle.loads(row[PAYLOAD])
    try:
        count = 0
        _check_size(split)
        finished = job.finished.get(split.index, frozenset())
        for part in read_parts(split, job.encoding, job.characters, job.part_rows):
            count += 1
            if part.number not in finished:
                yield to_row(part)
        yield to_row(SplitEnd(split.index, count))
    except SentilineError as error:
        yield to_row(Failure(error))
    except Exception as error:  # Ray would wrap it in pages of its own
        yield to_row(_unexpected(error, f"reading {split.source.name}"))


class PartScorer:
    """An actor that loads the model once, then scores parts and writes them."""

    def __init__(self, job: ScoreJob, model: Any) -> None:
        """Load the model.

        Args:
            job: How to score and where to write.
            model: A Ray reference to the model's files, see `model_files`.
        """
        self._job = job
        self._failure: Failure | None = None
        try:
            if job.release != __version__:
                raise ClusterError(
                    f"node {platform.node()} has Sentiline {__version__}, and the run was started by {job.release}; "
                    "install the same release on all machines"
                )
            files = import_module("ray").get(model)
            predictor = _load(files, job.precision, job.threads)
            self._scorer = job.encoder.options.scorer(predictor, job.column, readings=job.dates is not None)
        except SentilineError as error:
            self._failure = Failure(error)

    def __call__(self, row: dict[str, bytes]) -> dict[str, bytes]:
        """Score and write the part in a row, and return its `PartRecord`; other values pass through."""
        part = pickle.loads(row[PAYLOAD])
        if not isinstance(part, Part):
            return row
        if self._failure:
            return to_row(self._failure)
        try:
            self._job.part_writer.check(platform.node())
            return to_row(self._write(part))
        except SentilineError as error:
            return to_row(Failure(error))
        except OSError as error:
            problem = f"cannot write {self._job.part_writer.folder}: {error.strerror or error}"
            return to_row(Failure(ClusterError(f"{problem} (node {platform.node()}); {KEPT}")))
        except Exception as error:  # as in read_split
            return to_row(_unexpected(error, f"scoring {part.chunks[0].file}"))

    def _write(self, part: Part) -> PartRecord:
        encoder, figures = self._job.encoder, None
        if self._job.dates is not None:
            figures = Statistics(self._scorer.predictor.tokenizer.vocabulary, *self._job.dates)

        def fill(path: Path) -> dict[str, Any]:
            summary = Summary()
            with tempfile.TemporaryDirectory() as folder:
                data = Path(folder) / "data"
                with data.open("wb") as file:
                    for index, chunk in enumerate(part.chunks):
                        scored, content = encoder.encode(self._scorer.score(chunk), first=index == 0)
                        summary.add(scored)
                        if figures:
                            figures.add(scored)
                        file.writelines(content)
                encoder.writer.assemble(data, path)
            if encoder.options.bad_rows == "skip":
                summary.skipped = summary.failed
            worker = (platform.node(), os.getpid())
            written = summary.rows - summary.skipped
            return {"rows": written, "read": part.read, "tally": summary.as_dict(), "worker": worker}

        return self._job.part_writer.write(part.split, part.number, fill, figures.dump if figures else None)


def model_files(predictor: Predictor) -> dict[str, bytes]:
    """Return the files that an actor needs to load the same model, verified.

    Raises:
        BundleCorruptError: A file was damaged after the model was loaded.
    """
    bundle = predictor.bundle
    names = {bundle.manifest.tokenizer, bundle.manifest.precisions[predictor.precision]}
    manifest = json.dumps(dict(bundle.manifest.document)).encode()
    return {MANIFEST: manifest} | {name: bundle.read(name) for name in sorted(names)}


def _load(files: Mapping[str, bytes], precision: str, threads: int) -> Predictor:
    """Load a model, verified again; its files are on the node's disk only while they are loaded."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return Predictor(Bundle.open(folder), precision=precision, threads=threads)


def _unexpected(error: Exception, doing: str) -> Failure:
    message = f"{doing} failed with {type(error).__name__}: {error} (node {platform.node()})"
    return Failure(ClusterError(f"{message}; {KEPT}"))


def _check_size(split: Split) -> None:
    """Raise unless this machine sees the same file as the driver."""
    source = split.source
    try:
        status = source.location.status() if source.location else None
    except OSError as error:
        raise DataFileError(f"{source.name} cannot be read: {error.strerror or error}", field="input") from None
    if status is None or status.size != source.size:
        found = f"has {status.size} bytes" if status else "is not there"
        raise DataFileError(
            f"{source.name} {found} on node {platform.node()}, and had {source.size} when the run began; all machines "
            "must see inputs and output under the same paths, and nothing may change them during a run",
            field="input",
        )
