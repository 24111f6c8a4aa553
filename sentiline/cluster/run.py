"""Scores files on a Ray cluster into a folder of Parquet files, as one Ray Data pipeline; resumes; prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from sentiline import __version__
from sentiline.cluster.connection import address_of, connected, import_ray
from sentiline.cluster.desk import Record
from sentiline.cluster.output import Output, begin, check_same
from sentiline.cluster.pipeline import results_of
from sentiline.cluster.split import PART_ROWS, Split, find_splits
from sentiline.cluster.worker import (
    End,
    Failure,
    ReadJob,
    ScoreJob,
    model_files,
)
from sentiline.cpus import available_cpus
from sentiline.errors import ClusterError, DataFileError, OptionError, SentilineError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import Chunk, find_text_column
from sentiline.scoring.encoder import encoder_for
from sentiline.scoring.format import Format
from sentiline.scoring.location import parse_output
from sentiline.scoring.memory import chunk_characters
from sentiline.scoring.outcome import output_names
from sentiline.scoring.reader import read_chunks
from sentiline.scoring.run import Options, Progress, Report
from sentiline.scoring.source import Source, find_sources
from sentiline.scoring.tally import Tally


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to score.

    Attributes:
        address: see `connected`; None for what `RAY_ADDRESS` says, else this machine.
        workers: actors that score; None for as many as the cluster's CPUs allow.
        threads: CPUs of each.
        part_rows: rows of an output file, unless texts are long.
    """

    address: str | None = None
    workers: int | None = None
    threads: int = 1
    part_rows: int = PART_ROWS


def score_on_cluster(
    predictor: Predictor,
    inputs: Sequence[str],
    output: str | Path,
    options: Options | None = None,
    cluster: Cluster | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    report: Report | None = None,
) -> Tally | None:
    """Score files of reviews into a folder of Parquet files, which appears when it is complete.

    Args:
        predictor: the model; its files are sent to the workers.
        inputs: paths or URLs of files and folders, or globs, that all machines see.
        output: path of the folder, that all machines see.
        options: how to score; None for the defaults.
        cluster: where to; None for this machine.
        resume: go on where a stopped run was, if there was one.
        overwrite: replace the output, and forget an unfinished run.
        report: called after each part.

    Returns:
        The counts, those of a run that was resumed included; None if there was nothing to resume because the output
        is complete, and of such a run.

    Raises:
        ClusterError: the cluster cannot be reached, or lost what the run needs; `resume` goes on.
        DataFileError: an input cannot be read or is malformed, a row has a fault and `options.strict` is set, or the
            output exists.
        OptionError: an option does not exist or does not go with the others.
        SettingError: Ray or pyarrow is not installed.
    """
    options, cluster = options or Options(), cluster or Cluster()
    address = address_of(cluster.address)
    import_ray(address)
    if options.to not in (None, "parquet"):
        raise OptionError(f"--to is {options.to!r}; --engine ray writes a folder of Parquet files", field="--to")
    target = parse_output(str(output))
    if not target.local:
        raise OptionError(
            f"--engine ray cannot write to {target} yet: a folder there does not appear at once; write to a path that "
            "all machines see, and copy",
            field="output",
        )
    path = Path(target.path)
    encoder = encoder_for(
        Format("parquet"), output_names(options.prefix, timesteps=options.timesteps, sentences=options.sentences)
    )
    sources = [_absolute(source) for source in find_sources(inputs, options.format, options.encoding)]
    header = _header(predictor, sources, options, cluster)
    if not begin(path, resume=resume, overwrite=overwrite):
        check_same(path, header)
        return None
    characters = chunk_characters(options.memory)
    first = _first_chunk(sources, options.encoding, characters)
    column = find_text_column(first, options.text_column)
    encoder.prepare(first)
    splits = find_splits(sources, cluster.part_rows)
    cpus = available_cpus() if cluster.workers is None else cluster.workers * cluster.threads
    with connected(address, cpus) as ray:
        written = Output(path, header, resume=resume)
        try:
            run = _Run(predictor, splits, written, column, report)
            if not written.published:
                read = ReadJob(options.encoding, characters, cluster.part_rows, run.finished())
                score = ScoreJob(
                    release=__version__,
                    precision=predictor.precision,
                    threads=cluster.threads,
                    column=column,
                    truncation=options.truncation,
                    max_characters=options.max_characters,
                    strict=options.strict,
                    encoder=encoder,
                    desk=written.desk,
                )
                run.all(ray, read, score, cluster)
            written.publish(len(splits), _manifest(header, column, run.tally))
        except ClusterError:
            raise
        except SentilineError:  # the same would happen again: nothing is left to resume
            written.discard()
            raise
        finally:
            written.close()
    return run.tally


def _absolute(source: Source) -> Source:
    """The same file by a path that does not depend on a process's current folder."""
    location = source.location
    if location is None or source.once:
        raise DataFileError(
            f"{source.name} cannot be read by the workers of --engine ray; save it to a file", field="input"
        )
    return replace(source, location=replace(location, path=location.identity)) if location.local else source


def _first_chunk(sources: Sequence[Source], encoding: str, characters: int) -> Chunk:
    for source in sources:
        for chunk in read_chunks(source, encoding, characters):
            return chunk
    raise DataFileError("there is no row in the input", field="input")


def _header(predictor: Predictor, sources: Sequence[Source], options: Options, cluster: Cluster) -> dict[str, Any]:
    manifest = predictor.manifest
    graph = manifest.precisions[predictor.precision]
    return {
        "release": __version__,
        "model": [manifest.name, manifest.version, predictor.precision, manifest.files[graph].sha256],
        "tokenizer": manifest.files[manifest.tokenizer].sha256,
        "uncertainty": [] if manifest.uncertainty is None else list(astuple(manifest.uncertainty)),
        "inputs": [[one.location.identity, one.size, one.modified] for one in sources if one.location],
        "options": {name: getattr(options, name) for name in Options.__slots__},
        "part_rows": cluster.part_rows,
    }


def _manifest(header: dict[str, Any], column: str, tally: Tally) -> dict[str, Any]:
    name, version, precision, sha256 = header["model"]
    model = {"name": name, "version": version, "precision": precision, "sha256": sha256}
    return {"format": 1, "release": header["release"], "model": model, "column": column} | {"tally": tally.as_dict()}


class _Run:
    def __init__(
        self, predictor: Predictor, splits: Sequence[Split], output: Output, column: str, report: Report | None
    ) -> None:
        self._predictor = predictor
        self._splits = splits
        self._output = output
        self._column = column
        self._report = report
        self.tally = Tally()
        self._read = 0
        for record in output.records.values():
            self._count(record)
        self._resumed = self.tally.rows
        self._total = sum({one.source.name: one.source.size for one in splits}.values())

    def finished(self) -> dict[int, frozenset[int]]:
        """The parts that exist, by split."""
        found: dict[int, set[int]] = {}
        for split, number in self._output.records:
            found.setdefault(split, set()).add(number)
        return {split: frozenset(numbers) for split, numbers in found.items()}

    def all(self, ray: Any, read: ReadJob, score: ScoreJob, cluster: Cluster) -> None:
        """Read and score what is not finished."""
        waiting = [split for split in self._splits if not self._output.finished(split.index)]
        if not waiting:
            return
        model = model_files(self._predictor)
        # closed at the end whatever happens: the pipeline ends before the connection does
        with closing(results_of(ray, model, waiting, read, score, cluster.workers)) as results:
            for value in results:
                match value:
                    case Record():
                        self._add(value)
                    case End(split, parts):
                        self._output.end(split, parts)
                    case Failure(error):
                        raise error

    def _count(self, record: Record) -> None:
        values = self.tally.as_dict()
        for name, value in record.tally.items():
            match value:
                case int():
                    values[name] += value
                case list():
                    values[name] = [one + other for one, other in zip(values[name], value, strict=True)]
                case dict():
                    values[name] = Counter(values[name]) + Counter(value)
        self.tally = Tally.from_dict(values)
        self._read += record.read

    def _add(self, record: Record) -> None:
        if self._output.add(record):
            self._count(record)
            if self._report:
                self._report(Progress(self.tally, self._resumed, self._read, self._total, self._column))
