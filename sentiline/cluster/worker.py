"""What runs on the nodes of a cluster: tasks that read splits, and actors that score parts and write them.

Whatever they find wrong with the input they return as a value, since Ray would wrap an exception in its own.
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
from sentiline.cluster.part_writer import PartWriter, Record
from sentiline.cluster.splits import Part, Split, read_parts
from sentiline.errors import ClusterError, DataFileError, SentilineError
from sentiline.predictor import Predictor
from sentiline.reporting.statistics import Accumulator
from sentiline.scoring.arrow import arrow
from sentiline.scoring.io.writers import Encoder
from sentiline.scoring.scorer import Scorer
from sentiline.scoring.summary import Tally
from sentiline.tokenizer import Truncation

PAYLOAD = "payload"
"""The one column of the tables that Ray Data carries; each row is a pickled value of this module or a `Part`."""


@dataclass(frozen=True, slots=True)
class End:
    """A split was read to its end.

    Attributes:
        split: its index.
        parts: how many it has.
    """

    split: int
    parts: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ends the run.

    Attributes:
        error: it.
    """

    error: SentilineError


@dataclass(frozen=True, slots=True)
class ReadJob:
    """How splits are read.

    Attributes:
        encoding: of text files.
        characters: after which a chunk ends.
        part_rows: after which a part ends.
        finished: parts that an earlier run wrote, by split: they are read past.
    """

    encoding: str
    characters: int
    part_rows: int
    finished: Mapping[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """How parts are scored.

    Attributes:
        release: of the driver.
        precision: of the model.
        threads: of each actor.
        column: with the texts.
        truncation: see `Scorer`.
        max_characters: see `Scorer`.
        strict: see `Scorer`.
        spans: see `Scorer`.
        encoder: with its columns settled.
        part_writer: where parts are written.
        dates: column of dates and their format, for a report; None for no report.
    """

    release: str
    precision: str
    threads: int
    column: str
    truncation: Truncation | None
    max_characters: int
    strict: bool
    spans: bool
    encoder: Encoder
    part_writer: PartWriter
    dates: tuple[str | None, str | None] | None = None


def read_split(table: Any, job: ReadJob) -> Iterator[Any]:
    """Read the splits of a table; yields tables of one `Part`, `End` or `Failure` each."""
    for split in unpack(table):
        try:
            count = 0
            _check_size(split)
            finished = job.finished.get(split.index, frozenset())
            for part in read_parts(split, job.encoding, job.characters, job.part_rows):
                count += 1
                if part.number not in finished:
                    yield pack(part)
            yield pack(End(split.index, count))
        except SentilineError as error:
            yield pack(Failure(error))
        except Exception as error:  # Ray would wrap it in pages of its own
            yield pack(_unexpected(error, f"reading {split.source.name}"))


class PartScorer:
    """An actor: loads the model once, then scores parts and writes them."""

    def __init__(self, job: ScoreJob, model: Any) -> None:
        """Load the model.

        Args:
            job: what to do.
            model: reference to its files, as `model_files` gives them.
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
            self._scorer = Scorer(
                predictor,
                job.column,
                truncation=job.truncation,
                max_characters=job.max_characters,
                strict=job.strict,
                spans=job.spans,
            )
        except SentilineError as error:
            self._failure = Failure(error)

    def __call__(self, table: Any) -> Any:
        """Score a table with one part, and write it; returns one of its `Record`. Other values pass through."""
        [value] = unpack(table)
        if not isinstance(value, Part):
            return table
        if self._failure:
            return pack(self._failure)
        try:
            self._job.part_writer.check(platform.node())
            return pack(self._write(value))
        except SentilineError as error:
            return pack(Failure(error))
        except OSError as error:
            message = f"cannot write {self._job.part_writer.folder}: {error.strerror or error} (node {platform.node()})"
            return pack(Failure(ClusterError(f"{message}; what is finished is kept for --resume")))
        except Exception as error:  # as above
            return pack(_unexpected(error, f"scoring {value.chunks[0].file}"))

    def _write(self, part: Part) -> Record:
        figures = None
        if self._job.dates is not None:
            figures = Accumulator(self._scorer.predictor.tokenizer.vocabulary, *self._job.dates)

        def fill(path: Path) -> dict[str, Any]:
            tally = Tally()
            with tempfile.TemporaryDirectory() as folder:
                data = Path(folder) / "data"
                with data.open("wb") as file:
                    for index, chunk in enumerate(part.chunks):
                        scored = self._scorer.score(chunk)
                        tally.add(scored)
                        if figures:
                            figures.add(scored)
                        file.writelines(self._job.encoder.encode(scored, first=index == 0))
                self._job.encoder.assemble(data, path)
            worker = (platform.node(), os.getpid())
            return {"rows": tally.rows, "read": part.read, "tally": tally.as_dict(), "worker": worker}

        return self._job.part_writer.write(part.split, part.number, fill, figures.dump if figures else None)


def model_files(predictor: Predictor) -> dict[str, bytes]:
    """The files that a worker needs to load the same model, verified.

    Raises:
        BundleCorruptError: one was damaged since it was loaded.
    """
    bundle = predictor.bundle
    names = {bundle.manifest.tokenizer, bundle.manifest.precisions[predictor.precision]}
    manifest = json.dumps(dict(bundle.manifest.document)).encode()
    return {MANIFEST: manifest} | {name: bundle.read(name) for name in sorted(names)}


def _load(files: Mapping[str, bytes], precision: str, threads: int) -> Predictor:
    """Load a model, verified once more; its files are on the node's disk for that moment only."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return Predictor(Bundle.open(folder), precision=precision, threads=threads)


def _unexpected(error: Exception, doing: str) -> Failure:
    message = f"{doing} failed with {type(error).__name__}: {error} (node {platform.node()})"
    return Failure(ClusterError(f"{message}; what is finished is kept for --resume"))


def _check_size(split: Split) -> None:
    """Raise unless this machine sees the file that the driver saw."""
    source = split.source
    try:
        status = source.location.status() if source.location else None
    except OSError as error:
        raise DataFileError(f"{source.name} cannot be read: {error.strerror or error}", field="input") from None
    if status is None or status.size != source.size:
        found = f"has {status.size} bytes" if status else "is not there"
        raise DataFileError(
            f"{source.name} {found} on node {platform.node()}, and had {source.size} when the run began; all machines "
            "must see inputs and output under the same paths, and nothing may change them meanwhile",
            field="input",
        )


def pack(value: object) -> Any:
    """A table of one row, which holds a value."""
    pa = arrow("--engine ray")
    return pa.table({PAYLOAD: pa.array([packed(value)], pa.large_binary())})


def packed(value: object) -> bytes:
    """A value as the content of a row."""
    return pickle.dumps(value, protocol=5)


def unpack(table: Any) -> list[Any]:
    """The values of a table's rows."""
    return [pickle.loads(row.as_buffer()) for chunk in table.column(PAYLOAD).chunks for row in chunk]
