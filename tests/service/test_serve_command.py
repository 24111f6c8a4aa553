"""`sentiline serve`: starts the server with the right defaults, and says in one line why it cannot."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy
import psutil
import pytest

import sentiline
from sentiline.cli.serve import Target, command, environment
from tests.bundles import write_bundle
from tests.service import server as running

COMMAND = [sys.executable, "-m", "sentiline", "serve"]


def start(*arguments: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = running.environment(cwd, **settings)
    environ["PYTHONPATH"] = str(running.ROOT)
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, env=environ, capture_output=True, text=True, timeout=180, check=False
    )


@pytest.mark.parametrize("mode", [[], ["--single-process"]])
def test_serves_until_interrupted(mode: list[str], models: Path, tmp_path: Path) -> None:
    """From another folder, with a relative path and BentoML's folder left to the command."""
    (tmp_path / "here").symlink_to(models)
    (tmp_path / "sentiline").mkdir()  # must not be taken for the package
    port = running.free_port()
    environ = running.environment(tmp_path, TMPDIR=str(tmp_path), PYTHONPATH=str(running.ROOT))
    del environ["BENTOML_HOME"]
    log = tmp_path / "log"
    arguments = ["--host", "localhost", "--port", str(port), "--model-dir", "here", "--model", "tiny", "--threads", "1"]
    arguments += mode
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-P", *COMMAND[1:], *arguments], cwd=tmp_path, env=environ, stdout=output, stderr=output
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 180
            while True:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                try:
                    if httpx.get(f"{url}/readyz", timeout=120).status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
            answer = httpx.post(f"{url}/predict", json={"inputs": "good film"}, timeout=120)
            assert answer.json()["model"] == "tiny"
            assert 'sentiline_predictions_total{label="POSITIVE",model="tiny"}' in httpx.get(f"{url}/metrics").text
            assert len(psutil.Process(process.pid).children(recursive=True)) == (0 if mode else 1)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    said = log.read_text()
    assert said.startswith(f"Sentiline {sentiline.__version__}: {url}")
    assert f"curl -s {url}/predict" in said
    assert (tmp_path / f"sentiline-{os.getuid()}" / f"127.0.0.1-{port}").is_dir() != bool(mode)


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "message"),
    [
        (["--model", "nobody"], {}, 1, "no model named 'nobody'"),
        (["--host", "192.0.2.1"], {}, 1, "cannot listen on 192.0.2.1, port "),
        (["--host", "nowhere.invalid"], {}, 1, "cannot listen on nowhere.invalid, port "),
        (["--single-process", "--workers", "2"], {}, 2, "--single-process runs one worker, but 2 are requested"),
        (["--single-process"], {"SENTILINE_WORKERS": "3"}, 2, "--single-process runs one worker, but 3 are requested"),
        (["--port", "0"], {}, 2, "0 is not in the range 1<=x<=65535"),
        (["--workers", "65"], {}, 2, "SENTILINE_WORKERS is '65'; it must be an integer from 1 to 64"),
        (["--model-dir", "missing"], {}, 2, "Directory 'missing' does not exist"),
        (
            ["--single-process", "--host", "192.0.2.1"],
            {"SENTILINE_WORKERS": " ", "SENTILINE_MODEL": "tiny "},
            1,
            "cannot listen on 192.0.2.1",
        ),
        ([], {"SENTILINE_MAX_ITEMS": "x"}, 2, "SENTILINE_MAX_ITEMS is 'x'"),
        ([], {"SENTILINE_PORT": "x"}, 2, "'x' is not a valid integer range"),
        ([], {"SENTILINE_MODELS": "/does/not/exist"}, 2, "SENTILINE_MODELS names /does/not/exist"),
    ],
)
def test_refusals(
    arguments: list[str], settings: dict[str, str], status: int, message: str, tmp_path: Path, models: Path
) -> None:
    done = start(*arguments, cwd=tmp_path, **{"SENTILINE_MODELS": str(models), **settings})
    assert (done.returncode, done.stdout) == (status, "")
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_misspelt_setting(tmp_path: Path, models: Path) -> None:
    """One line of warning; the start goes on, here to the next reason not to."""
    settings = {"SENTILINE_MODELS": str(models), "SENTILINE_TIMEOUT": "5", "SENTILINE_SERVICE_HOST": "10.0.0.1"}
    done = start("--host", "192.0.2.1", cwd=tmp_path, **settings)
    warning, error = done.stderr.splitlines()[:2]
    assert warning == "Warning: SENTILINE_TIMEOUT has no effect; did you mean SENTILINE_TIMEOUT_MS?"
    assert "cannot listen on 192.0.2.1" in error


@pytest.mark.parametrize("name", ["model.int8.onnx", "tokenizer.json"])
def test_a_damaged_default_model(tmp_path: Path, name: str) -> None:
    file = write_bundle(tmp_path / "models" / "mine") / name
    file.write_bytes(bytes(reversed(file.read_bytes())))
    done = start("--model", "mine", cwd=tmp_path, SENTILINE_MODELS=str(tmp_path / "models"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{name} is damaged" in " ".join(done.stderr.split())


def test_a_taken_port(tmp_path: Path, models: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = start("--port", str(port), cwd=tmp_path, SENTILINE_MODELS=str(models))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use; choose another" in done.stderr


def test_without_bentoml(tmp_path: Path, models: Path) -> None:
    """An interpreter that sees only what the core install brings."""
    site = tmp_path / "site"
    site.mkdir()
    packages = Path(numpy.__file__).parents[1]
    for name in ("click", "numpy", "numpy.libs"):
        if (packages / name).exists():
            (site / name).symlink_to(packages / name)
    shutil.copytree(running.ROOT / "sentiline", site / "sentiline", ignore=shutil.ignore_patterns("__pycache__"))
    environ = running.environment(tmp_path, PYTHONPATH=str(site), SENTILINE_MODELS=str(models))
    done = subprocess.run(
        [sys.executable, "-S", *COMMAND[1:]], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert 'run: pip install "sentiline[serve]"' in done.stderr
    assert "bentoml" in done.stderr


def test_command_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Target.locate() == Target("service", running.ROOT)
    assert command(Target("sentiline.service", Path("/site")), "::1", 80)[1:] == [
        "-m", "bentoml", "serve", "sentiline.service.app:SentimentService",
        "--working-dir", "/site", "--host", "::1", "--port", "80",
    ]  # fmt: skip
    single = command(Target("sentiline.service", Path("/site")), "::1", 80, single_process=True)
    assert single[single.index("--http") + 1] == "sentiline.service.http.uvicorn_protocol:LimitedHttpProtocol"
    given = {
        "SENTILINE_MODELS": f"a{os.pathsep}/b",
        "BENTOML_HOME": "own",
        "SENTILINE_THREADS": "1",
        "SENTILINE_PRECISION": " fp32\t",
    }
    environ = environment(given, {"threads": 4, "model": None}, (Path("c"),), "127.0.0.1", 3000)
    assert environ["SENTILINE_MODELS"] == os.pathsep.join([str(tmp_path / "c"), str(tmp_path / "a"), "/b"])
    assert environ["BENTOML_HOME"] == str(tmp_path / "own")
    assert environ["SENTILINE_THREADS"] == "4"
    assert environ["SENTILINE_PRECISION"] == "fp32"
    assert "SENTILINE_MODEL" not in environ
    assert environ["BENTOML_DO_NOT_TRACK"] == "true"


def test_servers_on_different_addresses_share_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each empties its folder at the start, and one port number is free on every address."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    addresses = [("127.0.0.1", 3000), ("127.0.0.2", 3000), ("::1", 3000), ("127.0.0.1", 3001)]
    homes = {environment({}, {}, (), host, port)["BENTOML_HOME"] for host, port in addresses}
    assert len(homes) == len(addresses)
    assert all(Path(home).parent == tmp_path / f"sentiline-{os.getuid()}" for home in homes)
