"""A run in a process of its own that kills itself with SIGKILL, so that no test depends on how busy the machine is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def kill_run(
    bundle: Path, source: Path | str, output: Path | str, *, chunks: int, delay: float = 0.0, **options: Any
) -> None:
    """Start or resume a run, which kills itself some time after a number of chunks.

    Args:
        bundle: The model.
        source: The input.
        output: The output.
        chunks: The number of chunks written by this process before it is killed.
        delay: The time in seconds from then until the kill.
        **options: Fields of `ScoreOptions`, and `scratch`.
    """
    arguments = json.dumps({"chunks": chunks, "delay": delay, "options": options})
    done = subprocess.run(
        [sys.executable, "-m", "tests.scoring.killed_run", str(bundle), str(source), str(output), arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def _main(bundle: str, source: str, output: str, arguments: str) -> None:
    from sentiline.predictor import load
    from sentiline.scoring.options import ScoreOptions
    from sentiline.scoring.pipeline import Progress, score_files

    given = json.loads(arguments)
    scratch = given["options"].pop("scratch", None)
    written = 0

    def kill() -> None:
        time.sleep(given["delay"])
        os.kill(os.getpid(), signal.SIGKILL)

    def on_progress(progress: Progress) -> None:
        nonlocal written
        written += 1
        if written == given["chunks"]:
            if not given["delay"]:
                kill()
            threading.Thread(target=kill).start()
        if progress.done == progress.total:
            time.sleep(3600)  # the run must not end before it is killed

    with load(bundle, threads=2) as predictor:
        score_files(
            predictor,
            [source],
            output,
            ScoreOptions(**given["options"]),
            resume=True,
            scratch=scratch and Path(scratch),
            on_progress=on_progress,
        )


if __name__ == "__main__":
    _main(*sys.argv[1:])
