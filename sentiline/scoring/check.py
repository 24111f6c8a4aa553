"""A check of a run: its inputs are read to the end as the run would read them, and nothing is scored or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sentiline.errors import DataFileError, OptionError
from sentiline.predictor import Predictor
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.output_encoder import OutputEncoder
from sentiline.scoring.pipeline import Progress, ProgressCallback
from sentiline.scoring.plan import RunPlan, plan_run
from sentiline.scoring.report_builder import ReportBuilder
from sentiline.scoring.scorer import UNREADABLE, ChunkScorer
from sentiline.scoring.summary import Summary


@dataclass(slots=True)
class CheckResult:
    """What a run would do.

    Attributes:
        files: The number of input files.
        size: Their size in bytes.
        text_column: The name of the column with the texts; empty if none was found.
        columns: The names of the columns of the first rows that would be written, without the added ones.
        summary: The counts of the rows: all of them, and those with an error or warning code. Those without an error
            count as scored.
        first_faults: The place of the first row with each error code.
        problems: The errors with which the run would end, or its parts if they were run by themselves.
    """

    files: int
    size: int
    text_column: str = ""
    columns: tuple[str, ...] = ()
    summary: Summary = field(default_factory=Summary)
    first_faults: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def check_files(
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
) -> CheckResult:
    """Check files that are to be scored, with the arguments of `sentiline.scoring.pipeline.score_files`.

    Raises:
        DataFileError: There is no such file, or the output cannot be written.
        OptionError: An option has an invalid value or does not apply to the formats.
        SettingError: pyarrow is needed and not installed.
    """
    options = options or ScoreOptions()
    options.check_model(predictor)
    plan = plan_run(
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


def check_plan(
    predictor: Predictor,
    plan: RunPlan,
    on_progress: ProgressCallback | None = None,
    report_builder: ReportBuilder | None = None,
) -> CheckResult:
    """Check the inputs of a planned run.

    Every row is read, its text is tokenized, and its columns are encoded in the format of the output. A file that
    cannot be read does not end the check: its error is among the result's problems, and the next file follows.
    """
    options = plan.options
    result = CheckResult(len(plan.sources) + len(plan.problems), sum(source.size for source in plan.sources))
    result.problems += plan.problems
    lenient = replace(options, strict=False, bad_rows="keep")
    encoder = OutputEncoder(plan.writer, lenient)
    scorer: ChunkScorer | None = None
    before = 0
    for source in plan.sources:
        try:
            for chunk in read_chunks(replace(source, keep_malformed=True), options.encoding, plan.characters):
                if scorer is None:
                    result.text_column = plan.prepare(chunk, encoder, report_builder)
                    dropped = options.dropped_columns(chunk.data.names)
                    result.columns = tuple(name for name in chunk.data.names if name not in dropped)
                    scorer = lenient.scorer(predictor, result.text_column)
                checked, content = encoder.encode(scorer.check(chunk), first=result.summary.rows == 0)
                for _ in content:  # values that the format cannot hold raise here
                    pass
                result.summary.rows += len(checked.chunk)
                result.summary.scored += len(checked.chunk) - len(checked.faults)
                for index, code in checked.faults.items():
                    result.summary.faults[code] += 1
                    result.first_faults.setdefault(code, checked.chunk.place(index))
                for code, place in checked.warnings:
                    result.summary.warnings[code] += 1
                    result.summary.examples.setdefault(code, place)
                if on_progress:
                    done = before + chunk.position
                    on_progress(Progress(result.summary, 0, done, result.size, result.text_column))
        except (DataFileError, OptionError) as error:
            result.problems.append(str(error))
            if scorer is None:
                break
        before += source.size
    if scorer is None and not result.problems:
        result.problems.append("there is no row in the input")
    stopping = result.first_faults if options.strict else [code for code in UNREADABLE if code in result.first_faults]
    if options.bad_rows == "stop":
        option = "--strict" if options.strict else "--bad-rows stop"
        result.problems += [f"{result.first_faults[code]}: {code}, at which {option} stops" for code in stopping]
    if options.strict:
        result.problems += [
            f"{place}: {code}, at which --strict stops" for code, place in result.summary.examples.items()
        ]
    return result
