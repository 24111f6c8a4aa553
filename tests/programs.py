"""Programs for the commands of a guide, in a folder to be put before the others of PATH."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_BY_PYTHON = {
    "mkdir": "import os, sys; [os.makedirs(path) for path in sys.argv[1:] if path != '-p']",
    "cp": "import shutil, sys; shutil.copy(*sys.argv[1:])",
}
"""What guides use of the system, for a PATH that holds nothing but Python, make and git."""


def programs(folder: Path) -> Path:
    """Make the folder, with `sentiline` of this checkout, and what the system's PATH lacks of `_BY_PYTHON`."""
    folder.mkdir()
    commands = {"sentiline": "-m sentiline"}
    commands |= {name: f'-c "{code}"' for name, code in _BY_PYTHON.items() if shutil.which(name) is None}
    for name, arguments in commands.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(0o755)
    return folder
