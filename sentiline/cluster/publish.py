"""Where a data set is to be, on this machine or in an object store: what lies there, and how it gets there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sentiline.errors import DataFileError
from sentiline.scoring.io.storage import Location
from sentiline.scoring.resume.fingerprint import digest_of
from sentiline.scoring.resume.journal import unfinished

MANIFEST, SUCCESS = "_manifest.json", "_SUCCESS"
"""Files beside the parts; names that begin with an underscore are not read as data."""

_UPLOADS = 4
"""Files on their way to a store at once."""


def check_target(target: Location, folder: Path, *, resume: bool, overwrite: bool) -> bool:
    """Check what lies where the data set is to be; false if that is complete and there is nothing to resume.

    Args:
        target: where.
        folder: in which it grows.
        resume: whether a stopped run is to go on.
        overwrite: whether a data set may be replaced.

    Raises:
        DataFileError: something is in the way, or the place cannot be reached.
    """
    if resume and overwrite:
        raise DataFileError("--resume goes on and --overwrite starts anew: give one of them", field="resume")
    try:
        status, parent = target.status(), target.parent().status()
        occupied = bool(status and status.folder and target.below())
        replaceable = not occupied or target.child(MANIFEST).status() is not None
    except OSError as error:
        raise DataFileError(f"{target} cannot be reached: {error.strerror or error}", field="output") from None
    if not (parent and parent.folder):
        raise DataFileError(f"there is no folder {target.parent()} to write to", field="output")
    if status and not status.folder:
        raise DataFileError(f"{target} is a file; --engine ray writes a folder of Parquet files", field="output")
    if not folder.parent.is_dir():
        raise DataFileError(f"there is no folder {folder.parent} to write in", field="output")
    begun = unfinished(folder)
    if resume and occupied and not begun:
        return False
    if begun and not (resume or overwrite):
        raise DataFileError(
            f"an unfinished run lies in {folder}; go on with --resume, or start anew with --overwrite", field="output"
        )
    if occupied and not (overwrite or resume):
        raise DataFileError(f"{target} exists; replace it with --overwrite, or write elsewhere", field="output")
    if not replaceable:
        raise DataFileError(
            f"{target} holds other files than a scored data set, and they would be lost; write elsewhere",
            field="output",
        )
    return True


def check_same(target: Location, header: Mapping[str, Any]) -> None:
    """Raise unless a complete data set was written by a run that was asked the same.

    Raises:
        DataFileError: it was not, or that cannot be told.
    """
    try:
        with target.child(MANIFEST).open() as file:
            same = json.loads(file.read()).get("run") == digest_of(header)
        same = same and target.child(SUCCESS).status() is not None
    except (OSError, ValueError, AttributeError):
        same = False
    if not same:
        raise DataFileError(
            f"{target} exists and is not known to be of these inputs, model and options, and no stopped run lies in "
            "its place: nothing is there to resume; keep it, or replace it with --overwrite",
            field="resume",
        )


def publish(parts: Path, target: Location, aside: Path, names: list[str]) -> None:
    """Give a complete data set its place; does what is left to do where a run was killed meanwhile.

    On this machine it appears at once. A store has no folders that could be renamed: there the data set is complete as
    soon as `SUCCESS` is there, which comes last, and goes first where another one is replaced.

    Args:
        parts: the folder that holds it, manifest and `SUCCESS` included.
        target: where it is to be.
        aside: where a folder can go that it replaces.
        names: of its parts.

    Raises:
        OSError: that cannot be done.
    """
    if not parts.exists():
        return
    if target.local:
        if Path(target.path).exists():
            shutil.rmtree(aside, ignore_errors=True)
            Path(target.path).rename(aside)
        parts.rename(target.path)
        return
    waiting = {path.name for path in parts.iterdir()}  # a file that is there, and verified, is not here any more
    if MANIFEST in waiting:
        target.child(SUCCESS).remove()
        target.child(MANIFEST).receive(parts / MANIFEST)
    with ThreadPoolExecutor(_UPLOADS, "upload") as pool:
        sent = [pool.submit(target.child(name).receive, parts / name) for name in sorted(waiting & set(names))]
        for one in sent:
            one.result()
    kept = {target.child(name).path for name in (*names, MANIFEST, SUCCESS)}
    for old in target.below():  # of the data set that this one replaces
        if old.path not in kept:
            old.remove()
    if SUCCESS in waiting:
        target.child(SUCCESS).receive(parts / SUCCESS)
