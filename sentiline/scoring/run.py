"""Scores files into one file: reading, inference and writing side by side, in order; resumes; prints nothing."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiline import __version__
from sentiline.errors import DataFileError, SentilineError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import Chunk, find_text_column
from sentiline.scoring.encoder import Encoder, encoder_for
from sentiline.scoring.format import format_of
from sentiline.scoring.outcome import MAX_CHARACTERS, Scored, Scorer, output_names
from sentiline.scoring.reader import read_chunks
from sentiline.scoring.source import Source, find_sources
from sentiline.scoring.tally import Tally
from sentiline.scoring.workspace import Workspace, folder_of
from sentiline.tokenizer import Truncation

_AHEAD = 2
"""Chunks read before they are scored, and chunks scored before they are written."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to score.

    Attributes:
        text_column: None to guess it, see `find_text_column`.
        format: of the inputs; None goes by endings.
        to: format of the output; None goes by its ending.
        encoding: of text files.
        prefix: before the names of the added columns.
        timesteps: whether to add the sentiment at every token.
        truncation: for long texts; None is the model's own policy.
        max_characters: a longer text is a fault.
        strict: stop at the first fault.
    """

    text_column: str | None = None
    format: str | None = None
    to: str | None = None
    encoding: str = "utf-8"
    prefix: str = ""
    timesteps: bool = False
    truncation: Truncation | None = None
    max_characters: int = MAX_CHARACTERS
    strict: bool = False


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


def score_files(
    predictor: Predictor,
    inputs: Sequence[str],
    output: Path,
    options: Options | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    report: Report | None = None,
) -> Tally | None:
    """Score files of reviews into one file, which appears when it is complete.

    Args:
        predictor: the model.
        inputs: paths, folders, globs, or `-` for standard input.
        output: the file to write.
        options: how to score; None for the defaults.
        resume: go on where a killed run stopped, if there was one.
        overwrite: replace the output, and forget an unfinished run.
        report: called after each chunk, from a thread of the run.

    Returns:
        The counts, those of a run that was resumed included; None if there was nothing to resume because the output
        is complete.

    Raises:
        DataFileError: an input cannot be read or is malformed, a row has a fault and `options.strict` is set, or the
            output exists.
        OptionError: an option does not exist or does not go with the formats.
        SettingError: pyarrow is needed and not installed.
    """
    options = options or Options()
    names = output_names(options.prefix, timesteps=options.timesteps)
    encoder = encoder_for(format_of(str(output), options.to, option="--to"), names)
    sources = find_sources(inputs, options.format)
    if resume and any(source.path is None for source in sources):
        raise DataFileError("standard input cannot be read again, so not resumed; save it to a file", field="resume")
    if any(source.path is not None and source.path.resolve() == output.resolve() for source in sources):
        raise DataFileError(f"{output} is an input as well; write to another file", field="output")
    if not output.absolute().parent.is_dir():
        raise DataFileError(f"there is no folder {output.absolute().parent} to write to", field="output")
    if not _begin(output, resume=resume, overwrite=overwrite):
        return None
    workspace = Workspace(output, _header(predictor, sources, output, options), resume=resume)
    try:
        run = _Run(predictor, sources, encoder, workspace, options, report)
        tally = run.all()
        if not workspace.published:
            workspace.publish(encoder.assemble(workspace.data, workspace.target))
        else:
            workspace.publish()
    except SentilineError:  # the same would happen again: nothing is left to resume
        workspace.discard()
        raise
    finally:
        workspace.close()
    return tally


def _begin(output: Path, *, resume: bool, overwrite: bool) -> bool:
    """Check what lies at the output; false if that is complete."""
    if output.is_dir():
        raise DataFileError(f"{output} is a folder; name a file", field="output")
    journal = folder_of(output) / "journal.jsonl"
    unfinished = journal.is_file() and journal.stat().st_size > 0
    if resume and overwrite:
        raise DataFileError("--resume goes on and --overwrite starts anew: give one of them", field="resume")
    if resume and output.exists() and not unfinished:
        return False
    if unfinished and not (resume or overwrite):
        raise DataFileError(
            f"an unfinished run lies in {folder_of(output)}; go on with --resume, or start anew with --overwrite",
            field="output",
        )
    if output.exists() and not (overwrite or resume):
        raise DataFileError(f"{output} exists; replace it with --overwrite, or write elsewhere", field="output")
    return True


def _header(predictor: Predictor, sources: Sequence[Source], output: Path, options: Options) -> dict[str, Any]:
    manifest = predictor.manifest
    graph = manifest.precisions[predictor.precision]
    return {
        "release": __version__,
        "model": [manifest.name, manifest.version, predictor.precision, manifest.files[graph].sha256],
        "tokenizer": manifest.files[manifest.tokenizer].sha256,
        "inputs": [[os.path.abspath(one.path or one.name), one.size, one.modified] for one in sources],  # noqa: PTH100
        "output": output.name,
        "options": {name: getattr(options, name) for name in Options.__slots__},
    }


class _Run:
    def __init__(
        self,
        predictor: Predictor,
        sources: Sequence[Source],
        encoder: Encoder,
        workspace: Workspace,
        options: Options,
        report: Report | None,
    ) -> None:
        self._predictor = predictor
        self._sources = sources
        self._encoder = encoder
        self._workspace = workspace
        self._options = options
        self._report = report
        self._tally = Tally.from_dict(workspace.tally) if workspace.tally else Tally()
        self._resumed = self._tally.rows
        self._total = sum(one.size for one in sources) if all(one.path for one in sources) else 0
        self._column = ""

    def all(self) -> Tally:
        """Score what is not scored yet."""
        if self._workspace.published:
            return self._tally
        finished = self._workspace.chunks
        chunks = enumerate(self._chunks())
        behind: deque[Future[None]] = deque()
        # one thread reads, one writes, and the predictor has its own, of which this is one
        with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(1, "write") as writer:
            ahead = deque(reader.submit(next, chunks, None) for _ in range(_AHEAD))
            scorer: Scorer | None = None
            while (item := ahead.popleft().result()) is not None:
                index, (chunk, done) = item
                if scorer is None:
                    scorer = self._scorer(chunk)
                    self._encoder.prepare(chunk)
                    if self._workspace.finished:
                        break
                ahead.append(reader.submit(next, chunks, None))
                if index < finished:
                    continue
                scored = scorer.score(chunk)
                behind.append(writer.submit(self._write, scored, done, first=index == 0))
                if len(behind) > _AHEAD:
                    behind.popleft().result()
            for future in behind:
                future.result()
        if scorer is None:
            raise DataFileError("there is no row in the input", field="input")
        self._workspace.finish()
        return self._tally

    def _chunks(self) -> Iterator[tuple[Chunk, int]]:
        """Yield the chunks of all inputs, each with the number of bytes finished with it."""
        before = 0
        for source in self._sources:
            for chunk in read_chunks(source, self._options.encoding):
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
        )

    def _write(self, scored: Scored, done: int, *, first: bool) -> None:
        self._tally.add(scored)
        content = self._encoder.encode(scored, first=first)
        self._workspace.append(content, self._tally.as_dict())
        if self._report:
            self._report(Progress(self._tally, self._resumed, done, self._total, self._column))
