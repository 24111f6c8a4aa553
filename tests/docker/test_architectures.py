"""Every locked wheel that the image installs exists for both architectures, as the package index says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker

from tests.requirement import need_network

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "serve.txt"


def resolve(platform: str, python: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask the index for the wheels that the lock file names, without downloading them."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--no-deps", "--require-hashes"]
    only = ["--only-binary", ":all:", "--python-platform", platform, "--python-version", python]
    where = ["--target", str(folder / "target"), "--requirements", str(LOCK), "--color", "never"]
    done = subprocess.run([*command, *only, *where], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        need_network(done.stderr)
    return done


@pytest.mark.parametrize("platform", ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28"])
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_every_locked_wheel_exists(platform: str, python: str, tmp_path: Path) -> None:
    done = resolve(platform, python, tmp_path)
    assert done.returncode == 0, done.stderr
    entries = re.findall(r"^([\w.-]+==[\w.]+)(?: ; ([^\\]+))? \\$", LOCK.read_text(encoding="utf-8"), re.M)
    wanted = {entry for entry, marker in entries if not marker or Marker(marker).evaluate({"sys_platform": "linux"})}
    assert wanted == set(re.findall(r"^ \+ (\S+)$", done.stderr, re.M))
    assert {name.partition("==")[0] for name in wanted} >= {"numpy", "onnxruntime", "bentoml", "uvloop"}


def test_a_wheel_that_does_not_exist_is_noticed(tmp_path: Path) -> None:
    """The control: some of the wheels need a newer system than the one named here."""
    done = resolve("aarch64-manylinux_2_17", "3.11", tmp_path)
    assert done.returncode != 0
    assert "Wheels are required for" in done.stderr
