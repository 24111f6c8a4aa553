"""A running container: confined, without a network, stopped under load, and with models of a mounted folder."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from sentiline.bundle import find_by_name, installed
from sentiline.predictor import Predictor
from tests.bundles import write_bundle
from tests.docker.containers import SECONDS, Container, wait_for
from tests.service.server import free_port

TEXT = "It drags at first, and then it soars: a film to remember!"

CONFINEMENT = """
import errno, json, os
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
refused = {}
for path in ("/x", "/app/x", "/venv/x", "/app/models/bilstm/x", "/etc/x"):
    try:
        open(path, "w")
    except OSError as error:
        refused[path] = errno.errorcode[error.errno]
print(json.dumps({
    "uids": status["Uid"].split(), "gids": status["Gid"].split(),
    "capabilities": {status[key].strip() for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}.pop(),
    "no_new_privileges": status["NoNewPrivs"].strip(), "refused": refused,
    "networks": os.listdir("/sys/class/net"), "home": os.listdir("/tmp"),
}))
"""

ENVIRONMENTS = """
import json
from pathlib import Path
workers = Path("/proc/1/task/1/children").read_text().split()
assert workers, "no worker"
print(json.dumps([Path(f"/proc/{pid}/environ").read_text().split("\\0") for pid in ("1", *workers)]))
"""


def host_network(**settings: str) -> tuple[list[str], str]:
    """Return the options of a container that listens on a free port of 127.0.0.1, and its URL."""
    port = free_port()
    settings = {"SENTILINE_HOST": "127.0.0.1", "SENTILINE_PORT": str(port), **settings}
    options = [part for key, value in settings.items() for part in ("--env", f"{key}={value}")]
    return ["--network", "host", *options], f"http://127.0.0.1:{port}"


def test_the_confined_container_is_healthy(isolated: Container) -> None:
    seen = json.loads(isolated.python(CONFINEMENT))
    assert set(seen["uids"]) == set(seen["gids"]) == {"10001"}
    assert int(seen["capabilities"], 16) == 0
    assert seen["no_new_privileges"] == "1"
    assert seen["refused"] == dict.fromkeys(seen["refused"], "EROFS")
    assert len(seen["refused"]) == 5
    assert seen["networks"] == ["lo"]
    assert "bentoml" in seen["home"]  # files are written to memory, below /tmp
    assert isolated.inspect()["State"]["Health"]["Status"] == "healthy"


def test_without_a_network_the_service_answers_as_the_library_does(isolated: Container) -> None:
    answer = isolated.ask("/predict", {"inputs": [TEXT, ""]})
    with Predictor(find_by_name("bilstm", {})) as predictor:
        (expected,) = predictor.read([TEXT])
    scored, blank = answer["predictions"]
    assert scored["positive"] == pytest.approx(expected.as_dict("timesteps")["positive"], abs=1e-6)
    assert [step["token"] for step in scored["timesteps"]] == [
        step["token"] for step in expected.as_dict("timesteps")["timesteps"]
    ]
    assert blank["error_type"] == "empty_text"


def test_every_shipped_model_answers(isolated: Container) -> None:
    for name in installed({}):
        assert isolated.ask("/predict", {"inputs": TEXT, "model": name, "detail": "none"})["model"] == name


def test_the_telemetry_of_libraries_is_off(isolated: Container) -> None:
    """ONNX Runtime sends usage data unless it is told not to before it is imported."""
    for entries in json.loads(isolated.python(ENVIRONMENTS)):
        assert "ORT_DISABLE_TELEMETRY=1" in entries
        assert {"BENTOML_DO_NOT_TRACK=true", "BENTOML_DO_NOT_TRACK=True"} & set(entries)
    assert "telemetry" not in isolated.log.lower()


def test_on_the_host_network_the_service_answers_from_outside(image: str) -> None:
    options, url = host_network()
    with Container(*options) as running:
        wait_for(f"{url}/readyz")
        answer = httpx.post(f"{url}/predict", json={"inputs": TEXT, "detail": "none"}, timeout=60)
        assert answer.status_code == 200
        assert "<title>Sentiline</title>" in httpx.get(url).text
        running.wait_until_healthy()  # its health check uses the port that is set
        assert running.terminate() == 0


def test_sigterm_under_load_loses_no_accepted_request(image: str) -> None:
    """Every request that was accepted before SIGTERM is answered, and the exit status is 0."""
    clients = 4
    texts = [f"{number}. {TEXT} " * 60 for number in range(64)]
    options, url = host_network(SENTILINE_THREADS="1")
    with Container(*options) as running:
        wait_for(f"{url}/readyz")

        def ask(_: int) -> httpx.Response:
            return httpx.post(f"{url}/predict", json={"inputs": texts}, timeout=SECONDS)

        with ThreadPoolExecutor(clients) as pool:
            asked = [pool.submit(ask, number) for number in range(clients)]
            pending = f"sentiline_pending_texts {float(clients * len(texts))}"
            wait_for(f"{url}/metrics", lambda answer: pending in answer.text)
            assert not any(future.done() for future in asked)
            stopped = time.monotonic()
            assert running.terminate() == 0
            assert time.monotonic() - stopped < 30  # the stop_grace_period of docker-compose.yml
            answers = [future.result() for future in asked]
    assert [answer.status_code for answer in answers] == [200] * clients
    assert all(len(answer.json()["predictions"]) == len(texts) for answer in answers)


def test_models_in_a_mounted_folder_are_served(image: str, tmp_path: Path) -> None:
    write_bundle(tmp_path / "mine")
    for path in (tmp_path, *tmp_path.rglob("*")):  # the service runs as another user
        path.chmod(0o755 if path.is_dir() else 0o644)
    mount = ("--volume", f"{tmp_path}:/models:ro", "--env", "SENTILINE_MODELS=/models")
    with Container("--network", "none", *mount) as running:
        running.wait_until_healthy()
        assert running.ask("/predict", {"inputs": "good film", "model": "mine"})["model"] == "mine"
        assert running.ask("/predict", {"inputs": "good film"})["model"] == "bilstm"
        assert {"mine", "bilstm"} <= {model["name"] for model in running.ask("/models")["models"]}
        assert running.terminate() == 0
