"""Native noise on stderr is held back, unless what made it fails."""

from __future__ import annotations

import os

import pytest

from training.nn.backend.stderr import suppress_stderr


def test_noise_is_dropped_and_what_follows_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    with suppress_stderr():
        os.write(2, b"no GPU was found\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_a_failure_shows_what_was_said_before_it(capfd: pytest.CaptureFixture[str]) -> None:
    def load() -> None:
        with suppress_stderr():
            os.write(2, b"libcudart is damaged\n")
            raise ImportError

    with pytest.raises(ImportError):
        load()
    assert capfd.readouterr().err == "libcudart is damaged\n"
