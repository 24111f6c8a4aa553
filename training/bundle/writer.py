"""Atomic writing of bundle folders; the manifest records the digest of every file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiline.bundle import FORMAT, MANIFEST, Bundle, FileRecord
from sentiline.errors import BundleError
from training.errors import ExportError


def write_bundle(folder: Path, document: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle, replacing an existing one.

    Args:
        folder: The bundle's folder; its parent is created if necessary.
        document: The manifest's keys except "format" and "files".
        files: The content of each file by name.

    Returns:
        The bundle, opened and verified.

    Raises:
        ExportError: The existing folder is not a bundle.
    """
    check_target(folder)
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        new = Path(scratch, "new")
        new.mkdir()
        for name, content in files.items():
            (new / name).write_bytes(content)
        (new / MANIFEST).write_text(_manifest(document, files), encoding="utf-8")
        Bundle.open(new).verify()
        old = Path(scratch, "old")
        replacing = folder.exists()
        if replacing:
            folder.rename(old)
        try:
            new.rename(folder)
        except BaseException:  # also on Ctrl-C: restore the old bundle
            if replacing:
                old.rename(folder)
            raise
    return Bundle.open(folder)


def check_target(folder: Path) -> None:
    """Reject a folder that a bundle must not replace.

    Raises:
        ExportError: The path holds something other than a bundle, or is a file.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return
    except OSError as error:
        raise ExportError(f"no bundle can be written to {folder}: {error.strerror}", field="to") from None
    if not names:
        return
    if MANIFEST not in names:
        raise ExportError(
            f"{folder} holds {names[0]} but no {MANIFEST}: it is not a bundle and will not be replaced; "
            f"name another folder",
            field="to",
        )
    try:
        known = {MANIFEST, *Bundle.open(folder).manifest.files}
    except BundleError as error:
        raise ExportError(f"{folder} is not a bundle and will not be replaced: {error}", field="to") from None
    if unknown := sorted(set(names) - known):
        raise ExportError(
            f"{folder} also holds {unknown[0]}, which is not part of the bundle; name another folder", field="to"
        )


def update_bundle(bundle: Bundle, changes: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle again with some manifest keys and some files changed."""
    content = {name: bundle.read(name) for name in bundle.manifest.files} | dict(files)
    return write_bundle(bundle.path, {**bundle.manifest.document, **changes}, content)


def _manifest(document: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    records = {name: FileRecord.of(content) for name, content in sorted(files.items())}
    whole = {
        "format": FORMAT,
        **{key: value for key, value in document.items() if key not in ("format", "files")},
        "files": {name: {"sha256": record.sha256, "bytes": record.size} for name, record in records.items()},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
