"""Scoring of files into one file: reading, inference and writing run in parallel, in order, and can be resumed."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from sentiline.errors import DataFileError, SentilineError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import (
    Chunk,
    find_text_column,
)
from sentiline.scoring.io.dialect import Dialect
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.io.formats import format_from_name
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.storage import Location, parse_output
from sentiline.scoring.io.text_stream import InterruptedReadError
from sentiline.scoring.io.writers import OutputWriter, writer_for
from sentiline.scoring.memory import chunk_characters
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.output_encoder import OutputEncoder
from sentiline.scoring.resume.check_resume import check_target, resume_remedy
from sentiline.scoring.resume.fingerprint import run_fingerprint
from sentiline.scoring.resume.journal import has_unfinished_run
from sentiline.scoring.resume.partial_output import PartialOutput, partial_folder
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


class ReportBuilder(Protocol):
    """Collects statistics from the chunks of a run. Its state is saved with them, so that a resumed run continues."""

    @property
    def header(self) -> dict[str, Any]:
        """The options of the report, as plain values; they are part of the fingerprint of the run."""

    def claim(self, *, replace: bool) -> None:
        """Raise if a file exists where the report is to be written, unless it may be replaced."""

    def prepare(self, first: Chunk, /) -> None:
        """Check the columns of the first chunk before it is scored; may raise."""

    def add(self, scored: ScoredChunk, /) -> None:
        """Add a chunk. The chunks come in order, from one thread."""

    def dump(self) -> bytes:
        """Return the state."""

    def restore(self, content: bytes, /) -> None:
        """Restore the state that `dump` returned."""

    def finish(self, summary: Summary, /) -> None:
        """Write the report, just before the output is published; called again if that fails."""


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
    plan = plan_run(inputs, output, options, resume=resume, overwrite=overwrite, scratch=scratch)
    target, folder, writer, sources = plan.target, plan.folder, plan.writer, plan.sources
    # A run that stopped at a bad row is resumed with other values of the options that say what to do with it.
    recorded = {name: value for name, value in asdict(options).items() if name not in ("strict", "bad_rows")}
    fingerprint = run_fingerprint(predictor, sources, recorded) | {
        "output": target.name if target.store else Path(target.path).name,
        "report": report_builder.header if report_builder else None,
    }
    if report_builder:
        report_builder.claim(replace=overwrite or plan.unfinished)
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


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run reads and writes, after all checks that need no row.

    Attributes:
        target: The place of the output.
        folder: The folder of the partial output.
        unfinished: Whether that folder holds an interrupted run.
        writer: The writer of the output.
        sources: The input files.
        characters: The number of characters at which a chunk ends early.
    """

    target: Location
    folder: Path
    unfinished: bool
    writer: OutputWriter
    sources: Sequence[Source]
    characters: int


def plan_run(
    inputs: Sequence[str],
    output: str | Path,
    options: ScoreOptions,
    *,
    resume: bool,
    overwrite: bool,
    scratch: Path | None,
) -> RunPlan:
    """Check the arguments of `score_files`, and find its inputs.

    Raises:
        DataFileError: There is no such input, or the output cannot be written.
        OptionError: An option has an invalid value or does not apply to the formats.
        SettingError: pyarrow is needed and not installed.
    """
    characters = chunk_characters(options.memory)
    target = parse_output(str(output))
    name = target.name if target.local else target.path  # a link may have another extension than the file behind it
    writer = writer_for(format_from_name(name, options.to, option="--to"), options.added_columns)
    sources = find_sources(
        inputs,
        options.format,
        options.encoding,
        options.delimiter,
        options.quoting,
        dialect=Dialect.from_options(options),
        output=target,
    )
    for source in sources:
        if resume and source.once:
            raise DataFileError(
                f"{source.name} cannot be read again, so the run cannot be resumed; save it to a file", field="resume"
            )
    if any(source.location is not None and source.location.identity == target.identity for source in sources):
        raise DataFileError(f"{target} is an input as well; write to another file", field="output")
    folder = partial_folder(target, scratch)
    unfinished = has_unfinished_run(folder)
    check_target(target, folder, unfinished, resume=resume, overwrite=overwrite)
    return RunPlan(target, folder, unfinished, writer, sources, characters)


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
        self.column = find_text_column(first, self.options.text_column)
        self.encoder.prepare(first)
        if self.report_builder:
            self.report_builder.prepare(first)
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
