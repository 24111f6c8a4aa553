"""Progress and summary: a bar on a real terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import math
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from sentiline.scoring import display
from sentiline.scoring.display import Display, describe, describe_rest, show_summary
from sentiline.scoring.pipeline import Progress
from sentiline.scoring.summary import Summary
from tests.scoring.conftest import ROOT
from tests.scoring.files import ROWS, write

SUMMARY = Summary(rows=3_000, scored=2_990, positive=1_196, tokens=1_000, unknown=25, truncated=7)


def test_the_progress_line() -> None:
    SUMMARY.faults["empty_text"] = 10
    progress = Progress(SUMMARY, resumed=1_000, done=300, total=400, column="text")
    assert describe(progress, 4.0) == "3,000 rows, 500 rows/s, 40.0 % positive, 10 errors"
    # 3,000 rows are three quarters: 1,000 are left, at 500 rows per second
    assert describe_rest(progress, 4.0) == ", 75 % done, about 0:00:02 left"
    assert describe_rest(Progress(SUMMARY, 0, 0, 0, "text"), 4.0) == "", "the size of standard input is unknown"


def test_without_a_terminal_a_line_is_printed_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    progress = Progress(SUMMARY, resumed=0, done=200, total=400, column="text")
    monkeypatch.setattr(display, "LOG_SECONDS", math.inf)
    with Display(Console(file=written, width=80)) as shown:
        shown.update(progress)
        assert written.getvalue() == ""
        monkeypatch.setattr(display, "LOG_SECONDS", 0.0)
        shown.update(progress)
    [line] = written.getvalue().splitlines()
    assert re.fullmatch(
        r"3,000 rows, [\d,]+ rows/s, 40\.0 % positive, \d+ errors, 50 % done, about \d+:\d\d:\d\d left", line
    )


def test_the_summary_has_a_histogram() -> None:
    written = io.StringIO()
    summary = Summary(rows=11, scored=10, positive=4, tokens=200, unknown=5, truncated=1)
    summary.faults["missing_text"] = 1
    summary.histogram[0], summary.histogram[9] = 8, 2
    show_summary(summary, "out.csv", Console(file=written, width=200))
    lines = written.getvalue().splitlines()
    assert lines[0] == "11 rows written to out.csv: 10 scored, 40.0 % of them positive"
    assert lines[1] == "2.5 % of the tokens unknown to the model, 1 texts truncated"
    assert lines[2] == "1 with error missing_text: no text: the column is null or absent"
    assert lines[4].split() == ["0.0-0.1", "#" * 40, "8"]
    assert lines[13].split() == ["0.9-1.0", "#" * 10, "2"]
    summary.judged, summary.uncertain = 10, 3
    written = io.StringIO()
    show_summary(summary, "out.csv", Console(file=written, width=200))
    assert written.getvalue().splitlines() == [*lines[:2], "3 verdicts uncertain, 30.0 %", *lines[2:]]


def test_the_progress_bar_disappears_at_the_end(bundle: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", ROWS * 600)
    terminal, side = pty.openpty()
    environment = os.environ | {"SENTILINE_MODELS": str(bundle.parent), "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    environment |= {"COLUMNS": "120"}
    command = [sys.executable, "-m", "sentiline", "score", str(source), "-o", "out.csv", "--text-column", "review"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=side)
    os.close(side)
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the process has closed its side
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    output, _ = process.communicate()
    assert process.returncode == 0
    assert re.search(r"[\d,]+ rows, [\d,]+ rows/s, [\d.]+ % positive, 0 errors", shown.decode())
    assert b"left" in shown
    assert shown.rstrip().endswith((b"\x1b[2K", b"\x1b[?25h")), "the bar is wiped"
    assert b"3,600 rows written to out.csv: 3,600 scored" in output
    assert b"\x1b" not in output
