"""Programs for the commands of a guide, in a folder to be put before the others of PATH."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_MKDIR = "import os, sys; [os.makedirs(path) for path in sys.argv[1:] if not path.startswith('-')]"


def programs(folder: Path) -> Path:
    """Make the folder, with `sentiline` of this checkout, and `mkdir` where the system has none on its PATH."""
    folder.mkdir()
    commands = {"sentiline": "-m sentiline"}
    if shutil.which("mkdir") is None:
        commands["mkdir"] = f'-c "{_MKDIR}"'
    for name, arguments in commands.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(0o755)
    return folder
