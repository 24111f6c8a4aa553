"""What a complete output keeps of its run, as an extended attribute of the file: who runs it once more can tell."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiline.scoring.resume.fingerprint import digest_of

_NAME = "user.sentiline.run"


def attach(path: Path, header: Mapping[str, Any], tally: Mapping[str, Any]) -> None:
    """Note on a complete output which run wrote it. Not every file system can; the output is complete all the same.

    Args:
        path: the output.
        header: what the run was asked.
        tally: its counts.
    """
    receipt = {"run": digest_of(header), "state": _state(path), "tally": tally}
    if hasattr(os, "setxattr"):
        try:
            os.setxattr(path, _NAME, json.dumps(receipt).encode())
        except OSError:
            return


def tally_of(path: Path, header: Mapping[str, Any]) -> dict[str, Any] | None:
    """The counts of the run that wrote an output.

    Args:
        path: the output.
        header: what this run is asked.

    Returns:
        None if another run wrote it, it was changed since, or nothing tells.
    """
    if not hasattr(os, "getxattr"):
        return None
    try:
        receipt = json.loads(os.getxattr(path, _NAME))
        same = receipt["run"] == digest_of(header) and receipt["state"] == _state(path)
        return dict(receipt["tally"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _state(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
