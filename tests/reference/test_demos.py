"""What `python -m sentiline.reference` prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sentiline.reference import demos


def test_prices_are_foreseen_at_every_step() -> None:
    text = demos.price_sequence()
    foreseen = [float(value) for value in re.findall(r"foreseen\s+([\d.]+)", text)]
    assert foreseen == pytest.approx([102, 105, 107, 110, 113], abs=0.01)
    losses = [float(value) for value in re.findall(r"the loss is (\S+)", text)]
    assert losses == sorted(losses, reverse=True)


def test_gradients_agree_with_central_differences() -> None:
    apart = [float(value) for value in re.findall(r"apart from central differences by (\S+)", demos.bptt_gradients())]
    assert len(apart) == 3
    assert max(apart) < 1e-7


def test_small_weights_make_gradients_vanish_and_large_ones_do_not() -> None:
    last = [float(line.split()[-1]) for line in demos.vanishing_gradients().splitlines()[2:]]
    assert last[0] < 1e-10 < last[1] < 1 < last[2]


def test_the_command_prints_every_demonstration() -> None:
    run = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "sentiline.reference"], capture_output=True, text=True, encoding="utf-8"
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.split("\n\n")[:-1] == [demonstration() for demonstration in demos.DEMONSTRATIONS]


COMMAND = [sys.executable, "-m", "sentiline.reference"]


def test_the_command_explains_itself_and_takes_no_arguments() -> None:
    shown = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("usage: python -m sentiline.reference [-h]")
    refused = subprocess.run([*COMMAND, "bogus"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "unrecognized arguments: bogus" in refused.stderr


def test_a_reader_that_went_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(COMMAND, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (run.returncode, run.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_output_that_cannot_be_written() -> None:
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(COMMAND, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (2, "Error: standard output: No space left on device\n")
