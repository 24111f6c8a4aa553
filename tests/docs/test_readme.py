"""Every command, snippet and answer of README.md, run as a reader would run it.

Commands that take minutes run at a smaller size, with the options below; tests marked long run two of them as written.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.requirement import need, need_network

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALL_FIT = "--epochs 1 --units 4 --embedding 8 --vocabulary 200 --adversarial 0 --threads 1"
SAMPLE = "--precision int8 --reviews 1000"
SERVE_SECONDS = 420  # the first `make serve` also installs its environment


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line]


SERVED = ["make serve", next(line for line in commands() if line.startswith("curl"))]
FIT = [line for line in commands() if line == "make fit" or "training evaluate" in line]
OVERRIDES = {
    "make test": 'make test ARGS="--collect-only -q tests/docs"',
    "make fit": f'make fit ARGS="--data {{folder}}/my.csv --run {{folder}}/run {SMALL_FIT}"',
}
AS_WRITTEN = [
    line for line in commands() if re.match(r"\.venv/bin/sentiline (predict|models)", line) and "--model" not in line
]
BATCH = [line for line in commands() if "reviews.csv" in line]
OWN_DATA = [line for line in commands() if "my.csv" in line or "runs/mine" in line]
SECONDS = 600


def clean_environment() -> dict[str, str]:
    """Return the environment without the variables that make and pytest would pass on to a nested make."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "MAKE", "MFLAGS"))}


def run(command: str, folder: Path = ROOT) -> str:
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="session", autouse=True)
def development_environment() -> None:
    if not (ROOT / ".venv/bin/sentiline").exists():
        pytest.skip("README commands run in .venv, which `make setup` makes")


@pytest.fixture
def own_data(tmp_path: Path) -> Path:
    good = ["a warm and funny film", "superb acting, I loved it", "wonderful from start to end", "a joy to watch"]
    bad = ["a dull and empty film", "terrible acting, I hated it", "boring from start to end", "a pain to watch"]
    rows = [
        "text,label",
        *(
            f'"{text}, take {n}",{label}'
            for n in range(60)
            for label, texts in enumerate((bad, good))
            for text in texts
        ),
    ]
    (tmp_path / "my.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    log = tmp_path_factory.mktemp("serve") / "log.txt"
    with log.open("wb") as output:
        command = ["make", "serve", f"PORT={number}"]
        server = subprocess.Popen(
            command, cwd=ROOT, env=clean_environment(), stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + SERVE_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{number}/readyz", timeout=5) as answer:
                    assert answer.status == 200
                break
            except OSError:
                if server.poll() is not None:
                    need_network(log.read_text())  # the first `make serve` downloads packages
                    pytest.fail(f"make serve ended: {log.read_text()}")
                assert time.monotonic() < deadline, "make serve was not ready in time"
                time.sleep(0.5)
        yield number
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=30)


def test_every_command_is_run_by_a_test() -> None:
    assert sorted(commands()) == sorted([*SERVED, "make test", "make evaluate", *FIT, *AS_WRITTEN, *BATCH, *OWN_DATA])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_serve_and_curl_give_the_answer_shown(port: int) -> None:
    answer = json.loads(run(SERVED[1].replace(":3000", f":{port}")))
    (shown,) = (json.loads(block) for block in blocks("json"))
    assert keys(answer) == keys(shown)
    for found, expected in zip(numbers(answer), numbers(shown), strict=True):
        assert found == pytest.approx(expected, abs=2e-4)  # other processors round int8 products differently


def keys(value: object) -> object:
    """Return an answer with its numbers replaced by None."""
    if isinstance(value, dict):
        return {key: keys(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [keys(entry) for entry in value]
    return None if isinstance(value, float) else value


def numbers(value: object) -> list[float]:
    if isinstance(value, dict | list):
        return [number for entry in (value.values() if isinstance(value, dict) else value) for number in numbers(entry)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("command", AS_WRITTEN)
def test_commands_run_as_written(command: str) -> None:
    assert run(command)


@pytest.fixture
def archive_in_environment(imdb_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the archive to the commands, which would download it otherwise."""
    monkeypatch.setenv("IMDB_ARCHIVE", str(imdb_archive))


@pytest.mark.usefixtures("archive_in_environment")
@pytest.mark.parametrize(
    ("command", "reviews"),
    [(f'make evaluate ARGS="{SAMPLE}"', "1,000"), pytest.param("make evaluate", "25,000", marks=pytest.mark.long)],
)
def test_make_evaluate_evaluates_the_shipped_model(command: str, reviews: str) -> None:
    assert reviews in run(command)


def test_make_test_passes_arguments_on_to_pytest() -> None:
    assert "test_make_test_passes_arguments_on_to_pytest" in run(OVERRIDES["make test"])


@pytest.mark.usefixtures("archive_in_environment")
@pytest.mark.parametrize(
    ("options", "reviews"), [(SAMPLE, "1,000"), pytest.param("", "25,000", marks=pytest.mark.long)]
)
def test_make_fit_makes_a_bundle_that_evaluates(own_data: Path, options: str, reviews: str) -> None:
    fit, evaluate = FIT
    run(OVERRIDES[fit].format(folder=own_data))
    bundle = str(own_data / "run" / "bundle" / "bilstm")
    assert reviews in run(f"{evaluate.replace('runs/bilstm/bundle/bilstm', bundle)} {options}")


def test_a_model_fitted_to_own_data_predicts(own_data: Path) -> None:
    fit, predict = OWN_DATA
    run(f"{fit} {SMALL_FIT}", own_data)
    assert re.search("POSITIVE|NEGATIVE", run(predict, own_data))


def test_a_file_of_reviews_is_scored_and_evaluated(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    rows = "text,stars\nA dull and lifeless mess.,1\nA wonderful and moving film.,5\nSuperb; I loved it.,5\n"
    (tmp_path / "reviews.csv").write_text(rows, encoding="utf-8")
    score, evaluate = BATCH
    assert "3 rows" in run(score, tmp_path)
    assert {"reviews.csv", "scored.parquet", "report.html"} <= {path.name for path in tmp_path.iterdir()}
    assert "bilstm" in run(evaluate, tmp_path)


def at(port: int, block: str) -> str:
    assert "127.0.0.1:3000" in block
    return block.replace("127.0.0.1:3000", f"127.0.0.1:{port}")


@pytest.mark.parametrize("block", [block for block in blocks("python") if "3000" in block])
def test_client_snippets_print_the_labels(block: str, port: int) -> None:
    command = [sys.executable, "-c", at(port, block)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    labels = [line.split()[0] for line in done.stdout.splitlines()]
    assert labels == ["NEGATIVE", "POSITIVE"]


def test_the_javascript_snippet_prints_the_labels(port: int) -> None:
    (block,) = blocks("js")
    folder = ROOT / "tests" / "service" / "node"
    need("node", shutil.which("node") is not None, "node is not installed")
    need("node", (folder / "node_modules").is_dir(), "npm ci --prefix tests/service/node was not run")
    command = ["node", "--input-type=module", "--eval", at(port, block)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["NEGATIVE", "POSITIVE"]


@pytest.mark.parametrize("block", [block for block in blocks("python") if "3000" not in block])
def test_the_library_snippet_prints_the_labels(block: str) -> None:
    done = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["NEGATIVE", "POSITIVE"]
