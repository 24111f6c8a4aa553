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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiline._version import __version__
from sentiline.cluster.part_writer import PartRecord
from sentiline.cluster.partial_dataset import PartialDataset
from sentiline.cluster.plan import plan_cluster_run
from sentiline.cluster.publish import check_same
from sentiline.cluster.ray_connection import address_of, import_ray, ray_connection
from sentiline.cluster.ray_pipeline import run_pipeline
from sentiline.cluster.splits import PART_ROWS, Split, find_splits
from sentiline.cluster.worker import Failure, ReadJob, ScoreJob, SplitEnd, model_files
from sentiline.cpus import available_cpus
from sentiline.errors import ClusterError, DataFileError, SentilineError
from sentiline.predictor import Predictor
from sentiline.scoring.check import CheckResult, check_plan
from sentiline.scoring.chunk import Chunk
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.io.text_stream import InterruptedReadError
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.output_encoder import OutputEncoder
from sentiline.scoring.pipeline import Progress, ProgressCallback
from sentiline.scoring.plan import RunPlan
from sentiline.scoring.resume.check_resume import resume_remedy
from sentiline.scoring.resume.fingerprint import run_fingerprint
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
    plan, complete = plan_cluster_run(
        inputs, output, options, report_builder, resume=resume, overwrite=overwrite, scratch=scratch
    )
    target, folder = plan.target, plan.folder
    header = run_fingerprint(predictor, plan.sources, options) | {
        "part_rows": cluster.part_rows,
        "report": report_builder.header if report_builder else None,
    }
    if complete:
        check_same(target, header)
        return None
    encoder = OutputEncoder(plan.writer, options)
    column = plan.prepare(_first_chunk(plan, options), encoder, report_builder)
    dates = (report_builder.header["date_column"], report_builder.header["date_format"]) if report_builder else None
    splits = find_splits(plan.sources, cluster.part_rows)
    cpus = available_cpus() if cluster.workers is None else cluster.workers * cluster.threads
    with ray_connection(address, cpus) as ray:
        written = PartialDataset(target, folder, header, resume=resume)
        if report_builder and written.history is not None:
            report_builder.continue_from(written.history)
        try:
            run = _Run(predictor, splits, written, column, on_progress, report_builder)
            if not written.published:
                read = ReadJob(options.encoding, plan.characters, cluster.part_rows, run.finished())
                score = ScoreJob(
                    release=__version__,
                    precision=predictor.precision,
                    threads=cluster.threads,
                    column=column,
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
        except (ClusterError, InterruptedReadError):
            raise
        except SentilineError as error:
            remedy = resume_remedy(error, options)
            if remedy and written.records:
                error.args = (f"{error} - the finished parts are kept in {folder}: {remedy}",)
            else:  # a resumed run would fail in the same way
                written.discard()
            raise
        finally:
            written.close()
    return run.summary


def check_for_cluster(
    predictor: Predictor,
    inputs: Sequence[str],
    output: str | Path,
    options: ScoreOptions | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    scratch: Path | None = None,
    on_progress: ProgressCallback | None = None,
    report_builder: HtmlReportBuilder | None = None,
) -> CheckResult:
    """Check files that are to be scored on a cluster on this machine alone, with the arguments of `score_on_cluster`.

    Raises:
        DataFileError: There is no such file, other machines cannot read it, or the output cannot be written.
        OptionError: An option has an invalid value or does not apply to the formats.
        SettingError: pyarrow is not installed.
    """
    options = options or ScoreOptions()
    options.check_model(predictor)
    plan, _ = plan_cluster_run(
        inputs,
        output,
        options,
        report_builder,
        resume=resume,
        overwrite=overwrite,
        scratch=scratch,
        tolerant=True,
    )
    return check_plan(predictor, plan, on_progress, report_builder)


def _first_chunk(plan: RunPlan, options: ScoreOptions) -> Chunk:
    for source in plan.sources:
        for chunk in read_chunks(source, options.encoding, plan.characters):
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
