"""Readiness is an inference made now: a dead engine is not ready, says so, and is ready again once it answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from service.api.routes import Endpoints
from service.engine import canary, engine, model_store
from service.gateway import Gateway
from service.settings import Settings
from tests.bundles import write_bundle
from tests.service.engine.tasks import CallbackTask, make_job, make_probe

PROBES = ("/readyz", "/v2/health/ready", "/v2/models/tiny/ready")


class Service:
    """The service in this process, so that its engine can be broken; asked through ASGI."""

    def __init__(self, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SENTILINE_MODELS", str(models))
        monkeypatch.setattr(canary, "CACHE_SECONDS", 0.0)
        monkeypatch.setattr(canary, "LIMIT_SECONDS", 60.0)  # an inference may be slow on a busy machine
        self.endpoints = Endpoints(Settings(model="tiny", threads=2), dict)
        self.engine = self.endpoints.engine
        self.release = threading.Event()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        app = Gateway(self.endpoints, self.endpoints)  # type: ignore[arg-type]  # no life cycle reaches it here
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=120) as session:
            self.engine.start()
            while not self.engine.ready:
                assert self.engine.failure is None
                await asyncio.sleep(0.01)
            try:
                yield session
            finally:
                self.release.set()
                await asyncio.to_thread(self.endpoints.close)

    def occupy(self, threads: int) -> None:
        """Jobs that do not end, as an inference that hangs."""
        predictor = self.engine.loaded()["tiny"]
        for _ in range(threads):
            task = CallbackTask(["good film"], lambda _: self.release.wait(60))
            self.engine._scheduler.submit(make_probe(task, predictor))


@pytest.fixture
def service(models: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    return Service(models, monkeypatch)


def gauge(service: Service) -> bool:
    return "sentiline_ready_workers 1.0" in service.endpoints.metrics.exposition().decode()


def test_a_stuck_engine_is_not_ready_until_it_goes_on(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def probe() -> None:
        async with service.client() as client:
            assert [(await client.get(path)).status_code for path in PROBES] == [200] * 3
            service.occupy(1)  # of two threads: slower, but alive
            assert (await client.get("/readyz")).status_code == 200
            assert gauge(service)
            service.occupy(1)
            monkeypatch.setattr(canary, "LIMIT_SECONDS", 0.3)
            for path in PROBES:
                answer = await client.get(path)
                assert answer.status_code == 503
                body = answer.json()
                assert (body["error_type"], body["model"]) == ("not_ready", "tiny")
            assert not gauge(service)
            assert (await client.get("/livez")).status_code == 200
            assert "did not answer within 0.3 s" in caplog.text
            monkeypatch.setattr(canary, "LIMIT_SECONDS", 60.0)
            service.release.set()
            assert [(await client.get(path)).status_code for path in PROBES] == [200] * 3
            assert gauge(service)

    asyncio.run(probe())


def test_an_engine_with_another_answer_is_not_ready(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Another model's weights in the place of its own, as memory gone bad: it answers, and wrongly."""

    async def probe() -> None:
        async with service.client() as client:
            tiny = service.engine.loaded()["tiny"]
            plain = (await service.engine.model("plain")).predictor
            right, tiny._graph = tiny._graph, plain._graph
            assert (await client.get("/readyz")).status_code == 503
            assert "where it had answered" in caplog.text
            tiny._graph = right
            assert (await client.get("/readyz")).status_code == 200

    asyncio.run(probe())


def test_an_engine_that_fails_is_not_ready(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    async def probe() -> None:
        async with service.client() as client:
            tiny = service.engine.loaded()["tiny"]
            session = tiny._graph._batches
            tiny._graph._batches = None
            assert (await client.get("/readyz")).status_code == 503
            answer = await client.post("/predict", json={"inputs": "good film"})
            assert (answer.status_code, answer.json()["error_type"]) == (500, "internal_error")
            tiny._graph._batches = session
            assert (await client.get("/readyz")).status_code == 200
            assert (await client.post("/predict", json={"inputs": "good film"})).status_code == 200

    asyncio.run(probe())
    assert "failed its canary inference" in caplog.text


def test_probes_that_come_together_share_one_inference(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "CACHE_SECONDS", 60.0)

    async def probe() -> int:
        async with service.client() as client:
            order = service.engine._scheduler._order
            before = next(order)
            answers = await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
            answers += [await client.get("/v2/health/ready")]
            assert {answer.status_code for answer in answers} == {200}
            return next(order) - before - 1

    assert asyncio.run(probe()) == 1


def test_a_probe_overtakes_short_texts_too(service: Service) -> None:
    """As many short texts as are admitted, all of them queued before it."""
    done: list[int] = []

    async def ask() -> int:
        async with service.client():
            service.occupy(2)
            predictor = service.engine.loaded()["tiny"]
            settings, scheduler = service.engine.settings, service.engine._scheduler
            jobs = []
            for _ in range(500):
                task = CallbackTask(["good"], lambda _: done.append(1))
                jobs.append(make_job(task, predictor, service.engine.budget.admit(1, 16), settings))
                scheduler.submit(jobs[-1])
            seen: list[int] = []
            probe = make_probe(CallbackTask(["good film"], lambda _: seen.append(len(done))), predictor)
            scheduler.submit(probe)
            service.release.set()
            await asyncio.gather(probe.future, *(job.future for job in jobs))
            return seen[0]

    assert asyncio.run(ask()) < 250  # the other thread reads some beside it


def test_a_full_queue_is_ready(service: Service) -> None:
    """What waits is refused work or slow work, not a dead engine: a probe passes it."""

    async def probe() -> None:
        async with service.client() as client:
            texts = ["good film " * 9000] * 40
            asking = [asyncio.create_task(client.post("/predict", json={"inputs": texts})) for _ in range(3)]
            while not service.engine.budget.texts:
                assert not any(task.done() for task in asking)
                await asyncio.sleep(0)
            assert (await client.get("/readyz")).status_code == 200
            assert not all(task.done() for task in asking)
            await asyncio.gather(*asking)

    asyncio.run(probe())


def test_a_default_model_that_failed_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    graph = write_bundle(tmp_path / "tiny") / "model.int8.onnx"
    content = graph.read_bytes()
    graph.unlink()
    for module in (engine, model_store):
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    service = Service(tmp_path, monkeypatch)

    async def probe() -> None:
        app = Gateway(service.endpoints, service.endpoints)  # type: ignore[arg-type]  # no life cycle reaches it here
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", timeout=120) as client:
            service.engine.start()
            while caplog.text.count("not ready, and tried again") < 2:
                await asyncio.sleep(0.01)
            for answer in (await client.get("/readyz"), await client.post("/predict", json={"inputs": "good film"})):
                assert (answer.status_code, answer.json()["error_type"]) == (503, "not_ready")
                assert "tried again every" in answer.json()["error"]
                assert "retry-after" in answer.headers
            assert not gauge(service)
            graph.write_bytes(content)
            while not service.engine.ready:
                await asyncio.sleep(0.01)
            assert (await client.get("/readyz")).status_code == 200
            assert (await client.post("/predict", json={"inputs": "good film"})).status_code == 200
            assert gauge(service)
            assert service.engine.failure is None
            await asyncio.to_thread(service.endpoints.close)

    asyncio.run(probe())
