"""Scoring on a Ray cluster: files become a folder of Parquet files, through one resumable Ray Data pipeline.

Only the scheduling is Ray Data's: tasks, actors, backpressure and recovery. Its readers and writers cannot keep what
Sentiline promises. `read_csv` retypes columns ("007" becomes 7, "NA" null) and knows no line numbers; `write_parquet`
gives its files new random names in every run, so that after a kill nothing tells which rows are written. Therefore the
rows of the pipeline are references to work: a split to read, a part to score, the record of a part that was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiline._version import __version__
from sentiline.cluster.part_writer import PartRecord
from sentiline.cluster.partial_dataset import PartialDataset
from sentiline.cluster.publish import check_same, check_target
from sentiline.cluster.ray_connection import address_of, import_ray, ray_connection
from sentiline.cluster.ray_pipeline import run_pipeline
from sentiline.cluster.splits import PART_ROWS, Split, find_splits
from sentiline.cluster.worker import Failure, ReadJob, ScoreJob, SplitEnd, model_files
from sentiline.cpus import available_cpus
from sentiline.errors import ClusterError, DataFileError, OptionError, SentilineError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import Chunk, find_text_column
from sentiline.scoring.io.csv_reader import FieldLimitError
from sentiline.scoring.io.dialect import Dialect
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.io.formats import Format
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.storage import parse_output
from sentiline.scoring.io.text_stream import InterruptedReadError
from sentiline.scoring.io.writers import writer_for
from sentiline.scoring.memory import chunk_characters
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import Progress, ProgressCallback
from sentiline.scoring.resume.fingerprint import run_fingerprint
from sentiline.scoring.resume.journal import has_unfinished_run
from sentiline.scoring.resume.partial_output import partial_folder
from sentiline.scoring.summary import Summary

if TYPE_CHECKING:
    from sentiline.reporting.report import HtmlReportBuilder


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster to score on, and how to use it.

    Attributes:
        address: The address, see `ray_connection`; None for the value of `RAY_ADDRESS`, else this machine.
        workers: The number of actors that score; None for as many as the cluster's CPUs allow.
        threads: The number of CPUs of each actor.
        part_rows: The number of rows of an output file; fewer where texts are long.
    """

    address: str | None = None
    workers: int | None = None
    threads: int = 1
    part_rows: int = PART_ROWS


def score_on_cluster(
    predictor: Predictor,
    inputs: Sequence[str],
    output: str | Path,
    options: ScoreOptions | None = None,
    cluster: Cluster | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    scratch: Path | None = None,
    on_progress: ProgressCallback | None = None,
    report_builder: HtmlReportBuilder | None = None,
) -> Summary | None:
    """Score files of reviews into a folder of Parquet files, which appears when it is complete.

    Args:
        predictor: The model; its files are sent to the actors.
        inputs: Paths or URLs of files and folders, or globs, visible to all machines.
        output: The path of the folder, visible to all machines, or its URL in an object store.
        options: How to score; None for the defaults.
        cluster: The cluster to score on; None for this machine.
        resume: Continue an interrupted run, if there is one.
        overwrite: Replace the output, and discard an interrupted run.
        scratch: The folder, visible to all machines, in which an output in an object store grows. Defaults to the
            current one.
        on_progress: Called after each part.
        report_builder: Collects the figures of a report on all rows, over all runs that they take.

    Returns:
        The counts, including those of resumed runs; None if there was nothing to resume because the output is complete
        and was written with the same inputs, model and options.

    Raises:
        ClusterError: The cluster cannot be reached, or lost what the run needs; `resume` continues the run.
        DataFileError: An input cannot be read or is malformed, a row has a fault and `options.strict` is set, or the
            output exists.
        OptionError: An option has an unknown value or does not go with the others.
        SettingError: Ray or pyarrow is not installed.
    """
    options, cluster = options or ScoreOptions(), cluster or Cluster()
    options.check_model(predictor)
    address = address_of(cluster.address)
    import_ray(address)
    if options.to not in (None, "parquet"):
        raise OptionError(f"--to is {options.to!r}; --engine ray writes a folder of Parquet files", field="--to")
    target = parse_output(str(output))
    if not target.local:
        target = replace(target, path=target.path.rstrip("/"), name=target.name.rstrip("/"))
    folder = partial_folder(target, scratch).absolute()
    encoder = writer_for(Format("parquet"), options.added_columns)
    found = find_sources(
        inputs,
        options.format,
        options.encoding,
        options.delimiter,
        options.quoting,
        dialect=Dialect.from_options(options),
    )
    sources = [_absolute(source) for source in found]
    inside = [source.name for source in sources if source.location and target.contains(source.location)]
    if inside:
        raise DataFileError(
            f"the input {inside[0]} lies inside the output {target}; choose another output", field="output"
        )
    header = run_fingerprint(predictor, sources, asdict(options)) | {
        "part_rows": cluster.part_rows,
        "report": report_builder.header if report_builder else None,
    }
    if not check_target(target, folder, resume=resume, overwrite=overwrite):
        check_same(target, header)
        return None
    if report_builder:
        report_builder.claim(replace=overwrite or has_unfinished_run(folder))
    characters = chunk_characters(options.memory)
    first = _first_chunk(sources, options.encoding, characters)
    column = find_text_column(first, options.text_column)
    encoder.prepare(first)
    if report_builder:
        report_builder.prepare(first)
    dates = (report_builder.header["date_column"], report_builder.header["date_format"]) if report_builder else None
    splits = find_splits(sources, cluster.part_rows)
    cpus = available_cpus() if cluster.workers is None else cluster.workers * cluster.threads
    with ray_connection(address, cpus) as ray:
        written = PartialDataset(target, folder, header, resume=resume)
        if report_builder and written.history is not None:
            report_builder.continue_from(written.history)
        try:
            run = _Run(predictor, splits, written, column, on_progress, report_builder)
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
                    spans=options.spans,
                    neutral=options.neutral,
                    encoder=encoder,
                    part_writer=written.part_writer,
                    dates=dates,
                )
                run.score(ray, read, score, cluster)
                written.check(len(splits))
                if report_builder:
                    for figures in written.figures():
                        report_builder.join(figures)
                    report_builder.finish(run.summary)
            written.publish(len(splits), _manifest(header, column, run.summary))
        except (ClusterError, InterruptedReadError, FieldLimitError):
            raise
        except SentilineError:  # a resumed run would fail in the same way
            written.discard()
            raise
        finally:
            written.close()
    return run.summary


def _absolute(source: Source) -> Source:
    """Return the same file under a path that does not depend on the current folder."""
    location = source.location
    if location is None or source.once:
        raise DataFileError(f"{source.name} cannot be read by other machines; save it to a file", field="input")
    return replace(source, location=replace(location, path=location.identity)) if location.local else source


def _first_chunk(sources: Sequence[Source], encoding: str, characters: int) -> Chunk:
    for source in sources:
        for chunk in read_chunks(source, encoding, characters):
            return chunk
    raise DataFileError("there is no row in the input", field="input")


def _manifest(header: dict[str, Any], column: str, summary: Summary) -> dict[str, Any]:
    name, version, precision, sha256 = header["model"]
    model = {"name": name, "version": version, "precision": precision, "sha256": sha256}
    return {"format": 1, "release": header["release"], "model": model, "column": column} | {"tally": summary.as_dict()}


class _Run:
    """Counts the parts as they are finished."""

    def __init__(
        self,
        predictor: Predictor,
        splits: Sequence[Split],
        output: PartialDataset,
        column: str,
        on_progress: ProgressCallback | None,
        report_builder: HtmlReportBuilder | None,
    ) -> None:
        self._predictor = predictor
        self._splits = splits
        self._output = output
        self._column = column
        self._on_progress = on_progress
        self._report_builder = report_builder
        self.summary = Summary()
        self._read = 0
        for record in output.records.values():
            self._count(record)
        self._resumed = self.summary.rows
        self._total = sum({one.source.name: one.source.size for one in splits}.values())

    def finished(self) -> dict[int, frozenset[int]]:
        """Return the numbers of the finished parts by split."""
        found: dict[int, set[int]] = {}
        for split, number in self._output.records:
            found.setdefault(split, set()).add(number)
        return {split: frozenset(numbers) for split, numbers in found.items()}

    def score(self, ray: Any, read: ReadJob, score: ScoreJob, cluster: Cluster) -> None:
        """Read and score the splits that are not finished."""
        waiting = [split for split in self._splits if not self._output.finished(split.index)]
        if not waiting:
            return
        model = model_files(self._predictor)
        # closed in any case, so that the pipeline ends before the connection does
        with closing(run_pipeline(ray, model, waiting, read, score, cluster.workers)) as results:
            for value in results:
                match value:
                    case PartRecord():
                        self._add(value)
                    case SplitEnd(split, parts):
                        self._output.end_split(split, parts)
                    case Failure(error):
                        raise error

    def _count(self, record: PartRecord) -> None:
        values = self.summary.as_dict()
        for name, value in record.tally.items():
            match value:
                case int():
                    values[name] = (values[name] or 0) + value
                case list():
                    values[name] = [one + other for one, other in zip(values[name], value, strict=True)]
                case dict() if name == "examples":
                    values[name] = value | values[name]
                case dict():
                    values[name] = Counter(values[name]) + Counter(value)
        self.summary = Summary.from_dict(values)
        self._read += record.read

    def _add(self, record: PartRecord) -> None:
        if self._output.add(record):
            self._count(record)
            if self._report_builder:
                self._output.save_report_state(self._report_builder.history)
            if self._on_progress:
                self._on_progress(Progress(self.summary, self._resumed, self._read, self._total, self._column))
