"""Whether a run may start, resume or start over, and how one that ended with an error can be resumed."""

from __future__ import annotations

from pathlib import Path

from sentiline.atomic_write import check_writable_folder
from sentiline.errors import DataFileError, SentilineError
from sentiline.scoring.chunk import BadRowError, MalformedRowError, UnwritableRowsError
from sentiline.scoring.io.csv_reader import FieldLimitError
from sentiline.scoring.io.storage import FileStatus, Location
from sentiline.scoring.io.text_stream import InterruptedReadError
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.resume.journal import has_unfinished_run


def check_target(output: Location, folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Check that a file can be written, replaces nothing unasked, and that there is a run to resume.

    Args:
        output: The file to write.
        folder: The folder of its partial output.
        resume: Whether to resume an interrupted run.
        overwrite: Whether to start over and replace an existing output.

    Raises:
        DataFileError: It cannot, or the two options contradict each other.
    """
    status = check_place(output, folder, resume=resume, overwrite=overwrite)
    if status and status.folder:
        raise DataFileError(f"{output} is a folder; name a file", field="output")
    if status and output.local and not Path(output.path).is_file():  # a rename would replace even /dev/null
        raise DataFileError(f"{output} is a pipe or a device; name a regular file", field="output")
    if resume and status and not has_unfinished_run(folder):  # the file may be of other inputs
        raise DataFileError(
            f"no interrupted run found in {folder}, and {output} exists already; keep it, or replace it with "
            "--overwrite",
            field="resume",
        )
    check_unasked(output, folder, exists=status is not None, resume=resume, overwrite=overwrite)


def check_place(output: Location, folder: Path, *, resume: bool, overwrite: bool) -> FileStatus | None:
    """Check that a file or folder can be written to a place; return the status of what is there.

    Raises:
        DataFileError: It cannot, or the two options contradict each other.
    """
    if resume and overwrite:
        raise DataFileError("--resume continues a run and --overwrite starts over: give one of them", field="resume")
    try:
        status, parent = output.status(), output.parent().status()
    except OSError as error:
        raise DataFileError(f"{output} cannot be reached: {error.strerror or error}", field="output") from None
    if not (parent and parent.folder):
        raise DataFileError(f"there is no folder {output.parent()} to write to", field="output")
    if not folder.absolute().parent.is_dir():
        raise DataFileError(f"there is no folder {folder.absolute().parent} to write in", field="output")
    check_writable_folder(folder.absolute().parent, "output")
    return status


def check_unasked(output: Location, folder: Path, *, exists: bool, resume: bool, overwrite: bool) -> None:
    """Raise if a run would discard an unfinished run or replace an output without being told to.

    Raises:
        DataFileError: It would.
    """
    if has_unfinished_run(folder) and not (resume or overwrite):
        raise DataFileError(
            f"there is an unfinished run in {folder}; continue it with --resume, or start over with --overwrite",
            field="output",
        )
    if exists and not (overwrite or resume):
        raise DataFileError(f"{output} exists; replace it with --overwrite, or write elsewhere", field="output")


def resume_remedy(error: SentilineError, options: ScoreOptions) -> str | None:
    """Return how a run that ended with an error can be continued; None if the same inputs would fail again."""
    if isinstance(error, InterruptedReadError):
        return "continue with --resume"
    if options.bad_rows != "stop":
        return "shorten the field and start over with --overwrite" if isinstance(error, FieldLimitError) else None
    if isinstance(error, MalformedRowError | FieldLimitError) or (
        isinstance(error, UnwritableRowsError) and error.rows
    ):
        return (
            f"continue with --resume --bad-rows keep or --resume --bad-rows skip{' without --strict' * options.strict}"
        )
    return "continue with --resume without --strict" if options.strict and isinstance(error, BadRowError) else None
