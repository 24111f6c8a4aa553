"""Files that a command writes besides its output, checked before the work begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sentiline.atomic_write import check_writable_folder
from sentiline.errors import DataFileError, OptionError


def check_output_file(
    path: Path, option: str, endings: Sequence[str], inputs: Sequence[str], *, overwrite: bool
) -> None:
    """Check that a file can be written.

    Args:
        path: The file to write.
        option: The option that names it, for error messages.
        endings: The endings allowed for its name; the first without its dot is the name of the format.
        inputs: Names of files that it must not replace.
        overwrite: Whether it may replace any other file.

    Raises:
        OptionError: The name has another ending.
        DataFileError: The file exists or is an input, or its folder does not exist or cannot be written to.
    """
    if path.suffix.lower() not in endings:
        written_as = endings[0].removeprefix(".").upper()
        raise OptionError(
            f"{option} is {path}, and it is written as {written_as}; its name must end in {' or '.join(endings)}",
            field=option,
        )
    if not path.absolute().parent.is_dir():
        raise DataFileError(f"there is no folder {path.absolute().parent} for {option}", field=option)
    if any(Path(name).resolve() == path.resolve() for name in inputs):
        raise DataFileError(f"{path} is also an input; use another file for {option}", field=option)
    if path.is_dir() or (path.exists() and not overwrite):
        remedy = "name a file" if path.is_dir() else "replace it with --overwrite, or use another file"
        raise DataFileError(f"{path} exists; {remedy}", field=option)
    check_writable_folder(path.resolve().parent, option)
