"""The wheel: what it holds, and that the library and the server run from it without the checkout."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REVIEW = "The first half is slow, but the ending is wonderful."
PREDICT = """
import json, sys, sentiline
[prediction] = sentiline.load().predict([sys.argv[1]])
print(json.dumps([prediction.label, prediction.positive, prediction.tokens_total, sentiline.__file__]))
"""
STARTUP_LIMIT = 120
"""Seconds to wait for a server to become ready."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by way of a source distribution from a copy of the checkout, so that no stale build/ gets in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            copy = source / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source], cwd=out)
    (built,) = out.glob("*.whl")
    return built


def run(command: list[str | Path], *, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment() -> dict[str, str]:
    """Return the environment without the variables that could lead Python or the model lookup back to the checkout."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "SENTILINE_", "VIRTUAL_ENV"))
    }


def install(wheel: Path, requirements: str, folder: Path) -> Path:
    """Make an environment that holds the wheel and links to the installed packages that `requirements` lists.

    Returns:
        Its Python.
    """
    run([sys.executable, "-m", "venv", "--without-pip", folder], cwd=folder.parent)
    python = folder / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    for name, marker in re.findall(r"^([\w.-]+)==[^ ]+( ;)?", (ROOT / requirements).read_text(encoding="utf-8"), re.M):
        if marker and not is_installed(name):
            continue
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            link = site / top
            if not link.exists():
                link.symlink_to(package.locate_file(top))
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel]
    run([*pip, "--disable-pip-version-check"], cwd=folder)
    return python


def is_installed(name: str) -> bool:
    try:
        distribution(name)
    except ModuleNotFoundError:
        return False
    return True


def contents(folder: str, below: str) -> set[str]:
    """Return the path in the wheel of every file in a folder of the checkout."""
    files = {path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*") if path.is_file()}
    return {f"{below}/{file.as_posix()}" for file in files if not {"__pycache__", "deploy"} & set(file.parts)}


def test_the_wheel_holds_the_package_the_service_and_the_default_model_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    (metadata,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    expected = {
        *contents("sentiline", "sentiline"),
        *contents("service", "sentiline/service"),
        *contents("models/bilstm", "sentiline/models/bilstm"),
    }
    assert "sentiline/models/bilstm/model.onnx" in expected
    assert {name for name in names if not name.startswith(f"{metadata}/")} == expected


def test_the_core_install_predicts_anywhere(wheel: Path, tmp_path: Path) -> None:
    python = install(wheel, "requirements/core.txt", tmp_path / "venv")
    label, positive, tokens, file = json.loads(run([python, "-c", PREDICT, REVIEW], cwd=tmp_path))
    assert Path(file).is_relative_to(tmp_path)
    assert label == ("POSITIVE" if positive >= 0.5 else "NEGATIVE")
    assert 0 < positive < 1
    assert tokens >= len(REVIEW.split())
    command = tmp_path / "venv" / "bin" / "sentiline"
    (answer,) = json.loads(run([command, "predict", "--json", REVIEW], cwd=tmp_path))["predictions"]
    assert (answer["label"], answer["positive"]) == (label, pytest.approx(positive, abs=1e-6))


def test_the_core_install_says_what_serving_needs(wheel: Path, tmp_path: Path) -> None:
    install(wheel, "requirements/core.txt", tmp_path / "venv")
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "sentiline", "serve"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode != 0
    assert "sentiline[serve]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_serve_install_serves_anywhere(wheel: Path, tmp_path: Path) -> None:
    install(wheel, "requirements/serve.txt", tmp_path / "venv")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [tmp_path / "venv" / "bin" / "sentiline", "serve", "--host", "127.0.0.1", "--port", str(port)],
            cwd=tmp_path,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/readyz", server, log)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/predict",
            data=json.dumps({"inputs": REVIEW}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            (prediction,) = json.load(response)["predictions"]
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    timesteps = prediction["timesteps"]
    assert [REVIEW[step["start"] : step["end"]] for step in timesteps] == [step["token"] for step in timesteps]
    assert prediction["logit"] == pytest.approx(
        prediction["bias"] + sum(step["contribution"] for step in timesteps), abs=1e-4
    )


def wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTUP_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"the server did not become ready\n{log.read_text(errors='replace')}")
