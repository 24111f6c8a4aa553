"""Scores files into one file: reading, inference and writing side by side, in order; resumes; prints nothing."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from sentiline.errors import DataFileError, SentilineError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import Chunk, find_text_column
from sentiline.scoring.io.csv_reader import FieldLimitError
from sentiline.scoring.io.formats import format_of
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.io.source import Source, find_sources
from sentiline.scoring.io.storage import Location, parse_output
from sentiline.scoring.io.text_stream import InterruptedReadError
from sentiline.scoring.io.writers import Encoder, encoder_for
from sentiline.scoring.memory import DEFAULT, chunk_characters, parse_size
from sentiline.scoring.receipt import attach, tally_of
from sentiline.scoring.resume.fingerprint import header_of
from sentiline.scoring.resume.journal import unfinished
from sentiline.scoring.resume.partial_output import Workspace, folder_of
from sentiline.scoring.scorer import MAX_CHARACTERS, Scored, Scorer, output_names
from sentiline.scoring.summary import Tally
from sentiline.tokenizer import Truncation

_AHEAD = 1
"""Chunks read before they are scored, and chunks scored before they are written."""
_SIDE_BY_SIDE = 2
"""Chunks being scored."""
_SWITCH_SECONDS = 0.0005
"""How long Python runs one thread while others wait: at its own 5 ms, which is several texts, a thread that is through
with a text waits long for the one that reads or writes."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to score.

    Attributes:
        text_column: None to guess it, see `find_text_column`.
        format: of the inputs; None goes by endings.
        to: format of the output; None goes by its ending.
        encoding: of text files.
        delimiter: between the columns of inputs, which are CSV or TSV then; None for what their format says.
        quoting: "none" if double quotes are text in the inputs, which are CSV or TSV then.
        prefix: before the names of the added columns.
        timesteps: whether to add the sentiment at every token.
        sentences: whether to add what every sentence adds to the verdict.
        truncation: for long texts; None is the model's own policy.
        max_characters: a longer text is a fault.
        strict: stop at the first fault.
        memory: bytes of peak resident memory to stay within; long texts make chunks of fewer rows.
    """

    text_column: str | None = None
    format: str | None = None
    to: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: str = "csv"
    prefix: str = ""
    timesteps: bool = False
    sentences: bool = False
    truncation: Truncation | None = None
    max_characters: int = MAX_CHARACTERS
    strict: bool = False
    memory: int = parse_size(DEFAULT)

    @property
    def spans(self) -> bool:
        """Whether rows are to have what needs the spans of tokens."""
        return self.timesteps or self.sentences


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        tally: counts so far.
        resumed: rows that an earlier run had scored.
        done: bytes of the inputs that are finished.
        total: bytes of the inputs; 0 if that is not known.
        column: the column with the texts.
    """

    tally: Tally
    resumed: int
    done: int
    total: int
    column: str


Report = Callable[[Progress], None]


class Follower(Protocol):
    """Gathers figures from the chunks of a run, as a report does; saved with them, so that a resumed run goes on."""

    @property
    def header(self) -> dict[str, Any]:
        """What it was asked for, as plain values; a resumed run must be asked the same."""

    def claim(self, *, replace: bool) -> None:
        """Raise if something lies where it is to write, unless that is this run's own or may be replaced."""

    def prepare(self, first: Chunk) -> None:
        """Look at the first chunk before it is scored; may raise."""

    def add(self, scored: Scored) -> None:
        """Take a chunk; they come in order, from one thread."""

    def dump(self) -> bytes:
        """All that has been gathered."""

    def restore(self, content: bytes) -> None:
        """Go on from what `dump` gave."""

    def finish(self, tally: Tally) -> None:
        """All chunks have been taken, and the output is about to appear; called again if that fails."""


def score_files(
    predictor: Predictor,
    inputs: Sequence[str],
    output: str | Path,
    options: Options | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    scratch: Path | None = None,
    report: Report | None = None,
    follower: Follower | None = None,
) -> Tally:
    """Score files of reviews into one file, which appears when it is complete.

    Args:
        predictor: the model.
        inputs: paths or URLs of files and folders, globs, or `-` for standard input.
        output: path or URL of the file to write.
        options: how to score; None for the defaults.
        resume: go on where a killed run stopped, if there was one.
        overwrite: replace the output, and forget an unfinished run.
        scratch: where an output grows that is not on this machine; default the current folder.
        report: called after each chunk, from a thread of the run.
        follower: given every chunk once, whatever number of runs it takes.

    Returns:
        The counts, those of a run that was resumed included; under `resume` those of a run that was complete, if the
        output keeps its receipt.

    Raises:
        DataFileError: an input cannot be read or is malformed, a row has a fault and `options.strict` is set, or the
            output exists and is neither overwritten nor that of a stopped run.
        OptionError: an option does not exist or does not go with the formats.
        SettingError: pyarrow is needed and not installed.
    """
    options = options or Options()
    characters = chunk_characters(options.memory)
    target = parse_output(str(output))
    names = output_names(options.prefix, timesteps=options.timesteps, sentences=options.sentences)
    encoder = encoder_for(format_of(target.path, options.to, option="--to"), names)
    sources = find_sources(inputs, options.format, options.encoding, options.delimiter, options.quoting, output=target)
    for source in sources:
        if resume and source.once:
            raise DataFileError(
                f"{source.name} cannot be read again, so not resumed; save it to a file", field="resume"
            )
    if any(source.location is not None and source.location.identity == target.identity for source in sources):
        raise DataFileError(f"{target} is an input as well; write to another file", field="output")
    folder = folder_of(target, scratch)
    header = header_of(predictor, sources, asdict(options)) | {
        "output": target.name if target.store else Path(target.path).name,
        "report": follower.header if follower else None,
    }
    begun = unfinished(folder)
    if resume and not overwrite and not begun and target.local:
        counts = tally_of(Path(target.path), header)
        if counts is not None:
            return Tally.from_dict(counts)
    _begin(target, folder, begun, resume=resume, overwrite=overwrite)
    if follower:
        follower.claim(replace=overwrite or begun)
    workspace = Workspace(target, folder, header, resume=resume)
    try:
        run = _Run(predictor, sources, encoder, workspace, options, characters, report, follower)
        tally = run.all()
        if not workspace.published:
            complete = encoder.assemble(workspace.data, workspace.target)
            attach(complete, header, tally.as_dict())
            workspace.publish(complete)
        else:
            workspace.publish()
    except SentilineError as error:
        kept = isinstance(error, InterruptedReadError) or (isinstance(error, FieldLimitError) and workspace.chunks)
        if not kept:  # the same would happen again: nothing is left to resume
            workspace.discard()
        raise
    except Exception:
        if not workspace.chunks:  # nothing is finished that the next run would have to be asked about
            workspace.discard()
        raise
    finally:
        encoder.close()
        workspace.close()
    return tally


def _begin(output: Location, folder: Path, begun: bool, *, resume: bool, overwrite: bool) -> None:
    """Check what lies at the output."""
    if resume and overwrite:
        raise DataFileError("--resume goes on and --overwrite starts anew: give one of them", field="resume")
    try:
        status, parent = output.status(), output.parent().status()
    except OSError as error:
        raise DataFileError(f"{output} cannot be reached: {error.strerror or error}", field="output") from None
    if not (parent and parent.folder):
        raise DataFileError(f"there is no folder {output.parent()} to write to", field="output")
    if status and status.folder:
        raise DataFileError(f"{output} is a folder; name a file", field="output")
    if status and output.local and not Path(output.path).is_file():  # a rename would replace even /dev/null
        raise DataFileError(f"{output} is a pipe or device, and an output is a file; write elsewhere", field="output")
    if not folder.absolute().parent.is_dir():
        raise DataFileError(f"there is no folder {folder.absolute().parent} to write in", field="output")
    if (
        resume and status and not begun
    ):  # of other inputs, or older than the run that was to replace it, for all one knows
        raise DataFileError(
            f"{output} exists, and no stopped run lies in {folder}: nothing is there to resume, and nothing tells "
            "whether the output is of these inputs; keep it, or replace it with --overwrite",
            field="resume",
        )
    if begun and not (resume or overwrite):
        raise DataFileError(
            f"an unfinished run lies in {folder}; go on with --resume, or start anew with --overwrite", field="output"
        )
    if status and not (overwrite or resume):
        raise DataFileError(f"{output} exists; replace it with --overwrite, or write elsewhere", field="output")


class _Run:
    def __init__(
        self,
        predictor: Predictor,
        sources: Sequence[Source],
        encoder: Encoder,
        workspace: Workspace,
        options: Options,
        characters: int,
        report: Report | None,
        follower: Follower | None,
    ) -> None:
        self._predictor = predictor
        self._sources = sources
        self._encoder = encoder
        self._workspace = workspace
        self._options = options
        self._characters = characters
        self._report = report
        self._follower = follower
        if follower and (state := workspace.state) is not None:
            follower.restore(state)
        self._tally = Tally.from_dict(workspace.tally) if workspace.tally else Tally()
        self._resumed = self._tally.rows
        self._total = sum(one.size for one in sources) if not any(one.once for one in sources) else 0
        self._column = ""
        self._broken = False

    def all(self) -> Tally:
        """Score what is not scored yet."""
        if self._workspace.published:
            return self._tally
        interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            self._score()
        finally:
            sys.setswitchinterval(interval)
        self._workspace.finish()
        if self._follower:
            self._follower.finish(self._tally)
        return self._tally

    def _score(self) -> None:
        finished = self._workspace.chunks
        chunks = enumerate(self._chunks())
        scored: deque[Future[tuple[Scored, int, bool]]] = deque()
        behind: deque[Future[None]] = deque()
        side_by_side = min(_SIDE_BY_SIDE, self._predictor.threads)
        # One thread reads, two have the predictor score a chunk each, so that no core waits for the last text of one,
        # and one writes.
        with (
            ThreadPoolExecutor(1, "read") as reader,
            ThreadPoolExecutor(side_by_side, "score") as scorers,
            ThreadPoolExecutor(1, "write") as writer,
        ):
            ahead = deque(reader.submit(next, chunks, None) for _ in range(_AHEAD))
            scorer: Scorer | None = None
            while (item := ahead.popleft().result()) is not None:
                index, (chunk, done) = item
                if scorer is None:
                    scorer = self._scorer(chunk)
                    self._encoder.prepare(chunk)
                    if self._follower:
                        self._follower.prepare(chunk)
                    if self._workspace.finished:
                        break
                ahead.append(reader.submit(next, chunks, None))
                if index < finished:
                    continue
                scored.append(scorers.submit(_score, scorer, chunk, done, index))
                if len(scored) > side_by_side:
                    behind.append(writer.submit(self._write, *scored.popleft().result()))
                if len(behind) > _AHEAD:
                    behind.popleft().result()
            for one in scored:
                behind.append(writer.submit(self._write, *one.result()))
            for future in behind:
                future.result()
        if scorer is None:
            raise DataFileError("there is no row in the input", field="input")

    def _chunks(self) -> Iterator[tuple[Chunk, int]]:
        """Yield the chunks of all inputs, each with the number of bytes finished with it."""
        before = 0
        for source in self._sources:
            for chunk in read_chunks(source, self._options.encoding, self._characters):
                yield chunk, before + chunk.position
            before += source.size

    def _scorer(self, first: Chunk) -> Scorer:
        self._column = find_text_column(first, self._options.text_column)
        return Scorer(
            self._predictor,
            self._column,
            truncation=self._options.truncation,
            max_characters=self._options.max_characters,
            strict=self._options.strict,
            spans=self._options.spans,
        )

    def _write(self, scored: Scored, done: int, first: bool) -> None:
        if self._broken:  # no chunk may follow one that was not written
            return
        self._broken = True
        self._tally.add(scored)
        content = self._encoder.encode(scored, first=first)
        if self._follower:
            self._follower.add(scored)
        self._workspace.append(content, self._tally.as_dict(), self._follower.dump() if self._follower else None)
        self._encoder.follow(self._workspace.data, self._workspace.target)
        self._broken = False
        if self._report:
            self._report(Progress(self._tally, self._resumed, done, self._total, self._column))


def _score(scorer: Scorer, chunk: Chunk, done: int, index: int) -> tuple[Scored, int, bool]:
    return scorer.score(chunk), done, index == 0
