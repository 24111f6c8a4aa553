"""The plan of a run on a cluster: what it reads and writes, after all checks that come before the first row is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sentiline.cluster.publish import check_target
from sentiline.errors import DataFileError, OptionError
from sentiline.scoring.io.formats import Format
from sentiline.scoring.io.object_location import parse_output
from sentiline.scoring.io.source import Source
from sentiline.scoring.io.writers import writer_for
from sentiline.scoring.memory import chunk_characters
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.plan import RunPlan, find_inputs, unify_schemas
from sentiline.scoring.report_builder import ReportBuilder
from sentiline.scoring.resume.journal import has_unfinished_run
from sentiline.scoring.resume.partial_output import partial_folder


def plan_cluster_run(
    inputs: Sequence[str],
    output: str | Path,
    options: ScoreOptions,
    report_builder: ReportBuilder | None,
    *,
    resume: bool,
    overwrite: bool,
    scratch: Path | None,
    tolerant: bool = False,
) -> tuple[RunPlan, bool]:
    """Check the arguments of `sentiline.cluster.driver.score_on_cluster`, and find its inputs.

    Args:
        inputs: As in `score_on_cluster`.
        output: As in `score_on_cluster`.
        options: How to score.
        report_builder: The builder of a report, if there is one.
        resume: As in `score_on_cluster`.
        overwrite: As in `score_on_cluster`.
        scratch: As in `score_on_cluster`.
        tolerant: Whether Parquet files with an error go into `RunPlan.problems` instead of raising it.

    Returns:
        The plan, and whether the output is complete and there is no interrupted run to resume.

    Raises:
        DataFileError: There is no such input, other machines cannot read it, or the output cannot be written.
        OptionError: An option has an invalid value or does not apply to the formats.
        SettingError: pyarrow is not installed.
    """
    if options.to not in (None, "parquet"):
        raise OptionError(f"--to is {options.to!r}; --engine ray writes a folder of Parquet files", field="--to")
    target = parse_output(str(output))
    if not target.local:
        target = replace(target, path=target.path.rstrip("/"), name=target.name.rstrip("/"))
    writer = writer_for(Format("parquet"), options.added_columns)
    keep_malformed = options.bad_rows != "stop"
    sources = [replace(_absolute(one), keep_malformed=keep_malformed) for one in find_inputs(inputs, options)]
    inside = [source.name for source in sources if source.location and target.contains(source.location)]
    if inside:
        raise DataFileError(f"the input {inside[0]} lies inside the output {target}; write elsewhere", field="output")
    folder = partial_folder(target, scratch).absolute()
    complete = not check_target(target, folder, resume=resume, overwrite=overwrite)
    if report_builder and not complete:
        report_builder.claim(replace=overwrite or has_unfinished_run(folder))
    problems: list[str] = []
    sources = unify_schemas(sources, "parquet", options, problems if tolerant else None)
    return RunPlan(options, target, folder, writer, sources, chunk_characters(options.memory), problems), complete


def _absolute(source: Source) -> Source:
    """Return the same file under a path that does not depend on the current folder."""
    location = source.location
    if location is None or source.once:
        raise DataFileError(f"{source.name} cannot be read by other machines; save it to a file", field="input")
    return replace(source, location=replace(location, path=location.identity)) if location.local else source
