"""Makes a folder of programs that commands in the documentation call, to be put first on PATH."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_BY_PYTHON = {
    "mkdir": "import os, sys; [os.makedirs(path) for path in sys.argv[1:] if path != '-p']",
    "cp": "import shutil, sys; shutil.copy(*sys.argv[1:])",
}
"""Stand-ins for system programs that the documentation uses, where PATH holds only Python, make and git."""


def programs(folder: Path) -> Path:
    """Make the folder, with this checkout's `sentiline` and a stand-in for each program that PATH lacks."""
    folder.mkdir()
    commands = {"sentiline": "-m sentiline"}
    commands |= {name: f'-c "{code}"' for name, code in _BY_PYTHON.items() if shutil.which(name) is None}
    for name, arguments in commands.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(0o755)
    return folder
