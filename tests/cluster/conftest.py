"""Fixtures of scoring on a cluster: a real Ray cluster of two nodes on this machine, bound to 127.0.0.1."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sentiline.predictor import Predictor, load
from tests.bundles import THREE_WAY, UNSURE, WORDS, write_bundle
from tests.object_store import bucket, endpoint

__all__ = ["bucket", "endpoint"]

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # in spite of its name: bind to 127.0.0.1 and nothing else
    "RAY_AUTH_MODE": "disabled",  # no token in the home folder
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_prestart_worker_first_driver": "0",
    "PYTHONPATH": str(ROOT),
}
STORE_BYTES = 80 * 2**20


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(
        tmp_path_factory.mktemp("models") / "bilstm", manifest=UNSURE | {"neutral": THREE_WAY["neutral"]}
    )


@pytest.fixture(scope="session")
def predictor(bundle: Path) -> Iterator[Predictor]:
    with load(bundle, threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """Ray's settings, in this process and for others; its files go into a folder that is removed at the end."""
    folder = tempfile.mkdtemp(prefix="ray")  # short: sockets lie in it
    settings = SETTINGS | {"RAY_TMPDIR": folder}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        yield settings
    shutil.rmtree(folder, ignore_errors=True)


class Nodes:
    """A cluster with a head, where the driver is, and one node that may be lost; one CPU each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {
            "num_cpus": 1,
            "object_store_memory": STORE_BYTES,
            "include_dashboard": False,
            # a lost node is noticed in seconds, not in half a minute
            "_system_config": {
                "health_check_initial_delay_ms": 0,
                "health_check_period_ms": 1000,
                "health_check_failure_threshold": 5,
            },
        }
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._node: Any = None

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def complete(self) -> None:
        """Start the second node if it is not there."""
        if self._node is None:
            self._node = self._cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)

    def lose(self) -> None:
        """Kill all processes of the second node at once."""
        self._cluster.remove_node(self._node, allow_graceful=False)
        self._node = None

    def shutdown(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="session")
def _nodes(environment: dict[str, str]) -> Iterator[Nodes]:
    """The cluster, to which this process stays connected: each connection would start its own workers."""
    from sentiline.cluster.ray_connection import ray_connection

    nodes = Nodes()
    try:
        with ray_connection(nodes.address, 1):
            yield nodes
    finally:
        nodes.shutdown()


@pytest.fixture
def nodes(_nodes: Nodes) -> Nodes:
    _nodes.complete()
    return _nodes


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three files of JSON Lines, 12,000 rows, one in about thirty with no text."""
    folder = tmp_path_factory.mktemp("reviews")
    rng = random.Random(3)
    for name in "abc":
        rows = [{"id": f"{name}{n}", "text": " ".join(rng.choices(WORDS, k=rng.randint(0, 30)))} for n in range(4_000)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def expected(predictor: Predictor, reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the local engine makes of `reviews`."""
    from sentiline.scoring.pipeline import score_files

    path = tmp_path_factory.mktemp("expected") / "local.parquet"
    score_files(predictor, [str(reviews)], path)
    return path


@pytest.fixture(scope="session")
def same_content() -> Callable[[Path, Path], None]:
    """Checks that a data set holds the rows of a file, in order, and nothing else is left in its folder."""
    import pyarrow.parquet as pq

    def check(folder: Path, file: Path) -> None:
        names = sorted(path.name for path in folder.iterdir())
        assert names[:2] == ["_SUCCESS", "_manifest.json"]
        tables = [pq.read_table(folder / name) for name in names[2:]]
        listed = json.loads((folder / "_manifest.json").read_text())["parts"]
        assert [(part["name"], part["rows"]) for part in listed] == [
            (name, table.num_rows) for name, table in zip(names[2:], tables, strict=True)
        ]
        assert pq.read_table(folder).equals(pq.read_table(file))
        assert not folder.with_name(folder.name + ".partial").exists()

    return check
