"""A server's start: red until warm, red for good with a damaged model, no start with a wrong setting."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.engine.engine import Engine
from service.errors import ServiceError
from service.settings import Settings
from service.telemetry.metrics import Metrics
from tests.bundles import write_bundle
from tests.service.load import Answer, Connection
from tests.service.server import Server


def test_ready_only_after_the_warm_up(server: Server) -> None:
    assert set(server.early) <= {None, 503}
    assert server.log.index("loaded <Predictor bilstm ") < server.log.index("ready: model 'bilstm'")
    assert httpx.get(f"{server.url}/readyz").json() == {"status": "ready", "model": "bilstm"}


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_the_fast_event_loop_and_parser_are_used(server: Server) -> None:
    (worker,) = server.workers
    mapped = Path(f"/proc/{worker}/maps").read_text()
    assert "/uvloop/" in mapped
    assert "/httptools/" in mapped
    assert "tensorflow" not in mapped


def test_a_damaged_default_model_never_becomes_ready(tmp_path: Path) -> None:
    graph = write_bundle(tmp_path / "models" / "mine") / "model.int8.onnx"
    graph.write_bytes(bytes(reversed(graph.read_bytes())))
    settings = {"SENTILINE_MODELS": str(tmp_path / "models"), "SENTILINE_MODEL": "mine"}
    with Server(tmp_path / "home", **settings) as server:
        server.wait_for("/livez")
        server.wait_for_log("not ready, and tried again in 30 s")
        assert "model.int8.onnx is damaged: expected SHA-256" in server.log
        for answer in (
            httpx.get(f"{server.url}/readyz"),
            httpx.post(f"{server.url}/predict", json={"inputs": "good film"}),
        ):
            assert answer.status_code == 503
            assert (answer.json()["error_type"], answer.json()["model"]) == ("not_ready", "mine")
            assert str(tmp_path) not in answer.text  # where things lie is for the log
        assert "sentiline_ready_workers 0.0" in httpx.get(f"{server.url}/metrics").text
        assert server.stop() == 0


def test_sigterm_under_load_loses_no_accepted_request(tmp_path: Path, models: Path) -> None:
    """Every answer that the server says it gave has arrived, and all are answers: none was cut off or refused."""
    settings = {"SENTILINE_MODELS": str(models), "SENTILINE_ACCESS_LOG": "on"}

    async def client(number: int, enough: asyncio.Event) -> list[Answer]:
        connection = await Connection.open(server.port)
        answers = []
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):  # closed between two requests
            while True:
                texts = [f"{number} good film " * 150] * (1 + number % 3)
                answers.append(await connection.ask("/predict", {"inputs": texts, "detail": "none"}))
                if len(answers) == 5:
                    enough.set()
        with contextlib.suppress(ConnectionError):
            await connection.close()
        return answers

    async def stop_under_load() -> list[list[Answer]]:
        enough = asyncio.Event()
        clients = [asyncio.create_task(client(number, enough)) for number in range(32)]
        await enough.wait()
        server.process.send_signal(signal.SIGTERM)
        return await asyncio.gather(*clients)

    with Server(tmp_path, **settings) as server:
        server.wait_until_ready()
        received = asyncio.run(stop_under_load())
        assert server.process.wait(120) == 0
    for number, answers in enumerate(received):
        for answer in answers:
            assert answer.status == 200
            assert len(answer.json()["predictions"]) == 1 + number % 3
    logged = re.findall(r"POST /predict (\d+)", server.log)
    assert logged == ["200"] * sum(map(len, received))
    assert "Traceback" not in server.log
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_workers_end_with_a_killed_supervisor_and_the_port_is_free(tmp_path: Path, models: Path) -> None:
    settings = {"SENTILINE_MODELS": str(models), "SENTILINE_MODEL": "tiny", "SENTILINE_WORKERS": "2"}
    with Server(tmp_path / "first", **settings) as server:
        server.wait_until_ready()
        workers = server.workers
        assert len(workers) == 2
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + 60
        while any(Path(f"/proc/{worker}/exe").exists() for worker in workers):
            assert time.monotonic() < deadline, "the workers live on"
            time.sleep(0.05)
    with Server(tmp_path / "second", port=server.port, **settings) as again:
        again.wait_until_ready()


def test_a_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    with Server(tmp_path, SENTILINE_MAX_ITEMS="many") as server:
        assert server.process.wait(120) != 0
        assert "SettingError: SENTILINE_MAX_ITEMS is 'many'; it must be an integer from 1 to 100000" in server.log


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("absent", 'no model "mine"'),
        ("tokenizer", "tokenizer.json is missing"),
        ("manifest", "manifest.json is not valid JSON"),
        ("name", 'but it lies under the name "mine"'),
        ("precision", "precision is 'fp16'"),
        ("folder", "which is not a folder"),
    ],
)
def test_why_an_engine_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, damage: str, reason: str
) -> None:
    models = tmp_path / "models"
    if damage == "name":
        write_bundle(tmp_path / "yours")
        models.mkdir()
        (tmp_path / "yours").rename(models / "mine")
    else:
        write_bundle(models / ("other" if damage == "absent" else "mine"))
    if damage == "tokenizer":
        (models / "mine" / "tokenizer.json").unlink()
    if damage == "manifest":
        (models / "mine" / "manifest.json").write_text('{"format": 1')
    monkeypatch.setenv("SENTILINE_MODELS", str(tmp_path / "nowhere" if damage == "folder" else models))
    precision: Any = "fp16" if damage == "precision" else None
    settings = Settings.model_construct(model="mine", precision=precision, threads=1)
    engine = Engine(settings, Metrics([], ["mine"], max_pending_tokens=settings.max_pending_tokens))
    engine.start()
    while engine.failure is None:
        assert not engine.ready
        time.sleep(0.01)
    assert reason in engine.failure
    assert reason in caplog.text
    with pytest.raises(ServiceError) as caught:
        engine.check_ready()
    assert (caught.value.status, caught.value.code) == (503, "not_ready")
    assert str(tmp_path) not in str(caught.value)
    engine.close()


needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


def pipe_in_place_of(file: Path) -> bytes:
    """What the file held: the model loads when the test writes that into the pipe."""
    content = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    return content


def ask(server: Server, path: str, document: dict[str, Any], *, milliseconds: int) -> tuple[int, str]:
    """Status and `error_type`; headers and body are sent together, since on a busy machine a later body is too late."""

    async def post() -> Answer:
        connection = await Connection.open(server.port)
        answer = await connection.ask(path, document, {"x-timeout-ms": str(milliseconds)})
        await connection.close()
        return answer

    answer = asyncio.run(post())
    return answer.status, answer.json()["error_type"]


@needs_pipes
def test_requests_wait_for_a_worker_that_loads(tmp_path: Path) -> None:
    pipe = write_bundle(tmp_path / "models" / "mine") / "tokenizer.json"
    content = pipe_in_place_of(pipe)
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good film"]}
    requests: list[tuple[str, dict[str, Any]]] = [
        ("/predict", {"inputs": "good film"}),
        ("/hf", {"inputs": ["good film"]}),
        ("/v2/models/mine/infer", {"inputs": [tensor]}),
        ("/v2/models/mine/versions/0.0.1/infer", {"inputs": [tensor]}),
    ]
    settings = {"SENTILINE_MODELS": str(tmp_path / "models"), "SENTILINE_MODEL": "mine", "SENTILINE_THREADS": "1"}
    with (
        Server(tmp_path / "home", single_process=True, **settings) as server,
        httpx.Client(base_url=server.url, timeout=120) as client,
        ThreadPoolExecutor(len(requests)) as threads,
    ):
        server.wait_for("/livez")
        for path, document in requests:
            assert ask(server, path, document, milliseconds=20) == (503, "not_ready")
        asked = [threads.submit(client.post, path, json=document) for path, document in requests]
        while "sentiline_pending_texts 4.0" not in client.get("/metrics").text:
            assert not any(answer.done() for answer in asked)
        assert client.get("/readyz").json()["error_type"] == "not_ready"
        pipe.write_bytes(content)
        assert [answer.result().status_code for answer in asked] == [200] * len(requests)
        assert client.get("/readyz").status_code == 200


@needs_pipes
def test_a_version_is_waited_for_no_longer_than_the_deadline(tmp_path: Path) -> None:
    write_bundle(tmp_path / "models" / "mine")
    pipe = write_bundle(tmp_path / "models" / "slow") / "tokenizer.json"
    content = pipe_in_place_of(pipe)
    document = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good film"]}]}
    settings = {"SENTILINE_MODELS": str(tmp_path / "models"), "SENTILINE_MODEL": "mine", "SENTILINE_THREADS": "1"}
    with (
        Server(tmp_path / "home", single_process=True, **settings) as server,
        httpx.Client(base_url=server.url, timeout=120) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        server.wait_until_ready()
        for path in ("/v2/models/slow/versions/0.0.1/infer", "/v2/models/slow/infer"):
            assert ask(server, path, document, milliseconds=50) == (504, "deadline_exceeded")
        waiting = threads.submit(client.post, "/v2/models/slow/versions/0.0.1/infer", json=document)
        while "sentiline_pending_texts 1.0" not in client.get("/metrics").text:  # it counts while its model loads
            assert not waiting.done()
        pipe.write_bytes(content)
        assert waiting.result().status_code == 200
        for model in ("slow", "mine"):
            answer = client.post(f"/v2/models/{model}/versions/9/infer", json=document)
            assert (answer.status_code, answer.json()["field"]) == (404, "version")
