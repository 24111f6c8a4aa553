"""Where reports are written: checked before the work begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sentiline.errors import DataFileError, OptionError


def check_target(path: Path, option: str, endings: Sequence[str], inputs: Sequence[str], *, overwrite: bool) -> None:
    """Raise unless a report can be written there.

    Args:
        path: the file to be.
        option: that names it, for messages.
        endings: that it may have.
        inputs: names of files that it must not replace.
        overwrite: whether it may replace another.

    Raises:
        OptionError: it has another ending.
        DataFileError: it exists, is an input, or there is no such folder.
    """
    if path.suffix.lower() not in endings:
        raise OptionError(f"{option} is {path}; its name must end in {' or '.join(endings)}", field=option)
    if not path.absolute().parent.is_dir():
        raise DataFileError(f"there is no folder {path.absolute().parent} for {option}", field=option)
    if any(Path(name).resolve() == path.resolve() for name in inputs):
        raise DataFileError(f"{path} is an input as well; write {option} to another file", field=option)
    if path.is_dir() or (path.exists() and not overwrite):
        remedy = "name a file" if path.is_dir() else "replace it with --overwrite, or write elsewhere"
        raise DataFileError(f"{path} exists; {remedy}", field=option)
