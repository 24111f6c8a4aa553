"""Scoring of files into one file: reading, inference and writing run in parallel, in order, and can be resumed."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from sentiline.errors import DataFileError, SentilineError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import Chunk
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.io.text_stream import InterruptedReadError
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.output_encoder import OutputEncoder
from sentiline.scoring.plan import RunPlan, plan_run
from sentiline.scoring.report_builder import ReportBuilder
from sentiline.scoring.resume.check_resume import resume_remedy
from sentiline.scoring.resume.fingerprint import run_fingerprint
from sentiline.scoring.resume.partial_output import PartialOutput
from sentiline.scoring.scorer import ChunkScorer, ScoredChunk
from sentiline.scoring.summary import Summary

_READ_AHEAD = 1  # chunks read before they are scored, and chunks scored before they are written
_SCORED_AT_ONCE = 2  # so that no core waits for the last text of a chunk
# Python's 5 ms switch interval lasts several texts and leaves scorer threads waiting for the GIL.
_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run.

    Attributes:
        summary: The counts so far.
        resumed: The number of rows that interrupted runs had scored.
        done: The number of bytes of the inputs that are finished.
        total: The number of bytes of all inputs; 0 if that is unknown.
        column: The name of the column with the texts.
    """

    summary: Summary
    resumed: int
    done: int
    total: int
    column: str


ProgressCallback = Callable[[Progress], None]


def score_files(
    predictor: Predictor,
    inputs: Sequence[str],
    output: str | Path,
    options: ScoreOptions | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    scratch: Path | None = None,
    on_progress: ProgressCallback | None = None,
    report_builder: ReportBuilder | None = None,
) -> Summary:
    """Score files of reviews into one file, which appears when it is complete.

    Args:
        predictor: The model.
        inputs: The paths or URLs of files and folders, globs, or `-` for standard input.
        output: The path or URL of the file to write.
        options: How to score; None for the defaults.
        resume: Whether to resume an interrupted run, if there is one.
        overwrite: Whether to replace the output and discard an interrupted run.
        scratch: The folder for the partial output of an object store; None for the current folder.
        on_progress: Called after each chunk, from a thread of the run.
        report_builder: Given every chunk once, however many runs that takes.

    Returns:
        The counts, including those of interrupted runs.

    Raises:
        DataFileError: An input cannot be read or is malformed, a row cannot be scored and `options.strict` is set, or
            the output exists and neither `overwrite` nor an interrupted run allows to write it.
        OptionError: An option has an invalid value or does not apply to the formats.
        SettingError: pyarrow is needed and not installed.
    """
    options = options or ScoreOptions()
    options.check_model(predictor)
    plan = plan_run(inputs, output, options, report_builder, resume=resume, overwrite=overwrite, scratch=scratch)
    target, folder, writer, sources = plan.target, plan.folder, plan.writer, plan.sources
    fingerprint = run_fingerprint(predictor, sources, options) | {
        "output": target.name if target.store else Path(target.path).name,
        "report": report_builder.header if report_builder else None,
    }
    partial = PartialOutput(target, folder, fingerprint, resume=resume)
    try:
        summary = _Run(predictor, plan, partial, options, on_progress, report_builder).complete()
        partial.publish(None if partial.published else writer.assemble(partial.data, partial.target))
    except SentilineError as error:
        # What is finished is kept where another try may succeed. Any other fault of the input would recur.
        interrupted = isinstance(error, InterruptedReadError)
        remedy = None if any(source.once for source in sources) else resume_remedy(error, options)
        if partial.summary and remedy:
            rows = Summary.from_dict(partial.summary).rows
            error.args = (f"{error} - the {rows:,} rows finished before are kept in {folder}: {remedy}",)
        elif not interrupted:
            partial.discard()
        raise
    except Exception:
        if not partial.chunks:  # nothing is worth resuming
            partial.discard()
        raise
    finally:
        writer.close()
        partial.close()
    return summary


@dataclass(slots=True)
class _Run:
    predictor: Predictor
    plan: RunPlan
    partial: PartialOutput
    options: ScoreOptions
    on_progress: ProgressCallback | None
    report_builder: ReportBuilder | None
    summary: Summary = field(init=False)
    column: str = ""
    failed: bool = False
    resumed: int = field(init=False)
    encoder: OutputEncoder = field(init=False)
    total: int = field(init=False)

    def __post_init__(self) -> None:
        if self.report_builder and (state := self.partial.state) is not None:
            self.report_builder.restore(state)
        self.summary = Summary.from_dict(self.partial.summary) if self.partial.summary else Summary()
        self.resumed = self.summary.rows
        self.encoder = OutputEncoder(self.plan.writer, self.options)
        sources = self.plan.sources
        self.total = sum(source.size for source in sources) if not any(one.once for one in sources) else 0

    def complete(self) -> Summary:
        """Score the rows that are not scored yet."""
        if self.partial.published:
            return self.summary
        interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            self._score()
        finally:
            sys.setswitchinterval(interval)
        self.partial.finish()
        if self.report_builder:
            self.report_builder.finish(self.summary)
        return self.summary

    def _score(self) -> None:
        finished = self.partial.chunks
        chunks = enumerate(self._chunks())
        scored: deque[Future[tuple[ScoredChunk, int, bool]]] = deque()
        written: deque[Future[None]] = deque()
        at_once = min(_SCORED_AT_ONCE, self.predictor.threads)
        with (
            ThreadPoolExecutor(1, "read") as reading,
            ThreadPoolExecutor(at_once, "score") as scoring,
            ThreadPoolExecutor(1, "write") as writing,
        ):
            ahead = deque(reading.submit(next, chunks, None) for _ in range(_READ_AHEAD))
            scorer: ChunkScorer | None = None
            failure: Exception | None = None
            while True:
                try:
                    item = ahead.popleft().result()
                except Exception as error:  # the chunks before the fault are finished first
                    failure = error
                    break
                if item is None:
                    break
                index, (chunk, done) = item
                if scorer is None:
                    scorer = self._prepare(chunk)
                    if self.partial.finished:
                        break
                ahead.append(reading.submit(next, chunks, None))
                if index < finished:
                    continue
                scored.append(scoring.submit(_score, scorer, chunk, done, index))
                if len(scored) > at_once:
                    written.append(writing.submit(self._write, *scored.popleft().result()))
                if len(written) > _READ_AHEAD:
                    written.popleft().result()
            for one in scored:
                written.append(writing.submit(self._write, *one.result()))
            for future in written:
                future.result()
        if failure:
            raise failure
        if scorer is None:
            raise DataFileError("there is no row in the input", field="input")

    def _chunks(self) -> Iterator[tuple[Chunk, int]]:
        """Yield the chunks of all inputs, each with the number of bytes read up to its end."""
        before = 0
        for source in self.plan.sources:
            source = replace(source, keep_malformed=self.options.bad_rows != "stop")
            for chunk in read_chunks(source, self.options.encoding, self.plan.characters):
                yield chunk, before + chunk.position
            before += source.size

    def _prepare(self, first: Chunk) -> ChunkScorer:
        self.column = self.plan.prepare(first, self.encoder, self.report_builder)
        return self.options.scorer(self.predictor, self.column, readings=self.report_builder is not None)

    def _write(self, scored: ScoredChunk, done: int, first: bool) -> None:
        if self.failed:  # no chunk may follow one that was not written, or whose callback raised
            return
        self.failed = True
        scored, content = self.encoder.encode(scored, first=first)
        self.summary.add(scored)
        if self.options.bad_rows == "skip":
            self.summary.skipped = self.summary.failed
        if self.report_builder:
            self.report_builder.add(scored)
        state = self.report_builder.dump() if self.report_builder else None
        self.partial.append(content, self.summary.as_dict(), state)
        self.plan.writer.advance(self.partial.data, self.partial.target)
        if self.on_progress:
            self.on_progress(Progress(self.summary, self.resumed, done, self.total, self.column))
        self.failed = False


def _score(scorer: ChunkScorer, chunk: Chunk, done: int, index: int) -> tuple[ScoredChunk, int, bool]:
    return scorer.score(chunk), done, index == 0
