"""Publishing a data set to a folder or an object store: checks of the target, and the move."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.io.storage import Location
from sentiline.scoring.resume.check_resume import check_place, check_unasked
from sentiline.scoring.resume.fingerprint import fingerprint_digest
from sentiline.scoring.resume.journal import has_unfinished_run

MANIFEST, SUCCESS = "_manifest.json", "_SUCCESS"  # readers of data sets skip names with a leading underscore
_UPLOADS = 4  # files sent to a store at the same time


def check_target(target: Location, folder: Path, *, resume: bool, overwrite: bool) -> bool:
    """Check that a data set may be written to the target.

    Args:
        target: The location of the data set.
        folder: The folder in which it grows.
        resume: Whether to continue an interrupted run.
        overwrite: Whether a data set there may be replaced.

    Returns:
        False if there is a complete data set and no interrupted run to resume, else True.

    Raises:
        DataFileError: The target is occupied or cannot be reached.
    """
    status = check_place(target, folder, resume=resume, overwrite=overwrite)
    if status and not status.folder:
        raise DataFileError(f"{target} is a file; --engine ray writes a folder of Parquet files", field="output")
    try:
        occupied = bool(status and target.list_files())
        replaceable = not occupied or target.child(MANIFEST).status() is not None
    except OSError as error:
        raise DataFileError(f"{target} cannot be reached: {error.strerror or error}", field="output") from None
    if resume and occupied and not has_unfinished_run(folder):
        return False
    check_unasked(target, folder, exists=occupied, resume=resume, overwrite=overwrite)
    if not replaceable:
        raise DataFileError(
            f"{target} holds files other than a scored data set, which would be lost; write elsewhere", field="output"
        )
    return True


def check_same(target: Location, header: Mapping[str, Any]) -> None:
    """Raise unless the complete data set at the target was written with the same inputs, model and options.

    Raises:
        DataFileError: The data set was written with others, or its record is missing.
    """
    try:
        with target.child(MANIFEST).open() as file:
            same = json.loads(file.read()).get("run") == fingerprint_digest(header)
        same = same and target.child(SUCCESS).status() is not None
    except (OSError, ValueError, AttributeError):
        same = False
    if not same:
        raise DataFileError(
            f"no interrupted run found, and {target} exists, which was not written with these inputs, model and "
            "options; keep it, or replace it with --overwrite",
            field="resume",
        )


def publish(parts: Path, target: Location, aside: Path, names: list[str]) -> None:
    """Move a complete data set to its target; called again after a kill, it finishes the move.

    A folder on this machine appears at once, by a rename. An object store cannot rename folders: there the data set is
    complete once `SUCCESS` exists, which is written last, and removed first where another data set is replaced.

    Args:
        parts: The folder that holds the data set, its manifest and `SUCCESS`.
        target: The location to move it to.
        aside: A path to which a folder that it replaces is moved.
        names: The file names of its parts.

    Raises:
        OSError: The target cannot be written.
    """
    if not parts.exists():
        return
    if target.local:
        if Path(target.path).exists():
            shutil.rmtree(aside, ignore_errors=True)
            Path(target.path).rename(aside)
        parts.rename(target.path)
        return
    waiting = {path.name for path in parts.iterdir()}  # a file that was sent and verified is no longer here
    if MANIFEST in waiting:
        target.child(SUCCESS).remove()
        target.child(MANIFEST).put(parts / MANIFEST)
    with ThreadPoolExecutor(_UPLOADS, "upload") as pool:
        sent = [pool.submit(target.child(name).put, parts / name) for name in sorted(waiting & set(names))]
        for one in sent:
            one.result()
    kept = {target.child(name).path for name in (*names, MANIFEST, SUCCESS)}
    for old in target.list_files():  # the data set that this one replaces
        if old.path not in kept:
            old.remove()
    if SUCCESS in waiting:
        target.child(SUCCESS).put(parts / SUCCESS)
