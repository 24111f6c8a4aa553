"""What keeps a run from its cluster: each is one message with a remedy and an exit code, and Ray says nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.conftest import ROOT, Nodes

# Ray takes seconds to import, so one process runs several commands.
RUN = """
import json, sys
from click.testing import CliRunner
from sentiline.cli.main import main
for name in json.loads(sys.argv[2]):
    sys.modules[name] = None
for arguments in json.loads(sys.argv[1]):
    result = CliRunner().invoke(main, arguments)
    print(json.dumps([result.exit_code, result.stderr]), flush=True)
"""


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("text\na good film\n")
    return path


def invoke(
    environment: dict[str, str], reviews: Path, bundle: Path, *options: list[str], without: tuple[str, ...] = ()
) -> list[tuple[int, str]]:
    """Exit code and message of the command with each of some options."""
    command = ["score", str(reviews), "-o", str(reviews.parent / "out"), "--model", str(bundle)]
    process = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            RUN,
            json.dumps([command + one for one in options]),
            json.dumps(without),
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    assert [path.name for path in reviews.parent.iterdir()] == ["a.csv"], "nothing is begun"
    return [tuple(json.loads(line)) for line in process.stdout.splitlines()]


def test_unusable_addresses_and_options_are_refused(environment: dict[str, str], reviews: Path, bundle: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port meanwhile
        taken.bind(("127.0.0.1", 0))
        free = f"127.0.0.1:{taken.getsockname()[1]}"
        addresses = [free, "ray://127.0.0.1:10001", "somewhere"]
        options = [["--engine", "ray", "--address", address] for address in addresses]
        more = [["--workers", "2"], ["--engine", "ray", "--to", "csv"], ["--engine", "ray", "--date-column", "day"]]
        answers = invoke(environment, reviews, bundle, *options, *more)
    assert [code for code, _ in answers] == [3, 2, 2, 2, 2, 2]
    messages = [message for _, message in answers]
    assert f"no Ray cluster at {free}: Connection refused; start one with `ray start --head`" in messages[0]
    assert "Ray Data does not run through Ray Client; run the command on a machine of the cluster" in messages[1]
    assert "it must be HOST:PORT, such as 10.0.0.1:6379, or auto, or local" in messages[2]
    assert "--address, --workers and --part-rows are for --engine ray; add it" in messages[3]
    assert "--engine ray writes a folder of Parquet files" in messages[4]
    assert "--date-column and --date-format are for --report, which is not given" in messages[5]


def test_without_ray_the_error_names_the_extra(environment: dict[str, str], reviews: Path, bundle: Path) -> None:
    [(code, message)] = invoke(environment, reviews, bundle, ["--engine", "ray"], without=("ray",))
    assert code == 2
    assert "pip install 'sentiline[ray]'" in message


def test_a_cluster_of_another_release_is_refused(
    environment: dict[str, str], reviews: Path, bundle: Path, nodes: Nodes
) -> None:
    """The cluster's own note of its release is changed, which is what Ray compares with that of a driver."""
    from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_put

    key, place = b"CLUSTER_METADATA", {"namespace": "cluster"}
    kept = _internal_kv_get(key, **place)
    _internal_kv_put(key, json.dumps(json.loads(kept) | {"ray_version": "2.9.0"}).encode(), overwrite=True, **place)
    try:
        [(code, message)] = invoke(environment, reviews, bundle, ["--engine", "ray", "--address", nodes.address])
    finally:
        _internal_kv_put(key, kept, overwrite=True, **place)
    assert code == 3
    assert "2.9.0" in message
    assert "install the same releases on all machines" in message
