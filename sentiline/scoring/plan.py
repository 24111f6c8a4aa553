"""The plan of a run: what it reads and writes, after all checks that come before the first row is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiline.errors import DataFileError
from sentiline.scoring.arrow import require_pyarrow
from sentiline.scoring.chunk import Chunk, find_text_column
from sentiline.scoring.io.dialect import Dialect
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.io.formats import Kind, format_from_name
from sentiline.scoring.io.object_location import parse_output
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.storage import Location
from sentiline.scoring.io.writers import OutputWriter, writer_for
from sentiline.scoring.memory import chunk_characters
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.output_encoder import OutputEncoder
from sentiline.scoring.report_builder import ReportBuilder
from sentiline.scoring.resume.check_resume import check_target
from sentiline.scoring.resume.journal import has_unfinished_run
from sentiline.scoring.resume.partial_output import partial_folder


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run reads and writes.

    Attributes:
        options: How to score.
        target: The place of the output.
        folder: The folder of the partial output.
        writer: The writer of the output.
        sources: The input files.
        characters: The number of characters at which a chunk ends early.
        problems: The errors of files that are left out of `sources`, if the plan is that of a check.
    """

    options: ScoreOptions
    target: Location
    folder: Path
    writer: OutputWriter
    sources: Sequence[Source]
    characters: int
    problems: Sequence[str] = ()

    def prepare(self, first: Chunk, encoder: OutputEncoder, report_builder: ReportBuilder | None) -> str:
        """Find the column with the texts, and check the columns of the output and of a report.

        Args:
            first: The first rows.
            encoder: The encoder of the output.
            report_builder: The builder of a report, if there is one.

        Returns:
            The name of the column with the texts.

        Raises:
            DataFileError: There is no such column, a file lacks it, or the output or the report cannot hold a column.
            OptionError: An option names a column that does not exist, or an added column has the name of another one.
        """
        column = choose_text_column(first, self.options, self.sources)
        encoder.prepare(first)
        if report_builder:
            report_builder.prepare(first)
        return column


def plan_run(
    inputs: Sequence[str],
    output: str | Path,
    options: ScoreOptions,
    report_builder: ReportBuilder | None,
    *,
    resume: bool,
    overwrite: bool,
    scratch: Path | None,
    tolerant: bool = False,
) -> RunPlan:
    """Check the arguments of `sentiline.scoring.pipeline.score_files`, and find its inputs.

    Args:
        inputs: As in `score_files`.
        output: As in `score_files`.
        options: How to score.
        report_builder: The builder of a report, if there is one.
        resume: As in `score_files`.
        overwrite: As in `score_files`.
        scratch: As in `score_files`.
        tolerant: Whether Parquet files with an error go into `RunPlan.problems` instead of raising it.

    Raises:
        DataFileError: There is no such input, or the output cannot be written.
        OptionError: An option has an invalid value or does not apply to the formats.
        SettingError: pyarrow is needed and not installed.
    """
    characters = chunk_characters(options.memory)
    target = parse_output(str(output))
    name = target.name if target.local else target.path  # a link may have another extension than the file behind it
    format = format_from_name(name, options.to, option="--to")
    writer = writer_for(format, options.added_columns)
    sources = find_inputs(inputs, options, target)
    for source in sources:
        if resume and source.once:
            raise DataFileError(
                f"{source.name} cannot be read again, so the run cannot be resumed; save it to a file", field="resume"
            )
    if any(source.location is not None and source.location.identity == target.identity for source in sources):
        raise DataFileError(f"{target} is an input as well; write to another file", field="output")
    folder = partial_folder(target, scratch)
    check_target(target, folder, resume=resume, overwrite=overwrite)
    if report_builder:
        report_builder.claim(replace=overwrite or has_unfinished_run(folder))
    problems: list[str] = []
    sources = unify_schemas(sources, format.kind, options, problems if tolerant else None)
    return RunPlan(options, target, folder, writer, sources, characters, problems)


def find_inputs(inputs: Sequence[str], options: ScoreOptions, output: Location | None = None) -> list[Source]:
    """Find the input files of a run, see `find_sources`."""
    return find_sources(
        inputs,
        options.format,
        options.encoding,
        options.delimiter,
        options.quoting,
        dialect=Dialect.from_options(options),
        output=output,
    )


def unify_schemas(sources: list[Source], to: Kind, options: ScoreOptions, problems: list[str] | None) -> list[Source]:
    """Settle how Parquet files with different columns are read, see `part_schemas.unify_part_schemas`."""
    if all(source.format.kind != "parquet" for source in sources):
        return sources
    require_pyarrow("Parquet")
    from sentiline.scoring.io.part_schemas import unify_part_schemas  # which needs pyarrow

    return unify_part_schemas(sources, to, options.dropped_columns, problems)


def choose_text_column(first: Chunk, options: ScoreOptions, sources: Sequence[Source]) -> str:
    """Find the column with the texts in the first rows, and check that no Parquet file lacks it.

    Raises:
        DataFileError: There is no such column, not exactly one candidate, or a file lacks it.
    """
    column = find_text_column(first, options.text_column)
    if any(source.own_schema is not None for source in sources):
        from sentiline.scoring.io.part_schemas import check_text_column  # which needs pyarrow

        check_text_column(sources, column)
    return column
