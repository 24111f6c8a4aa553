"""The benchmark of BentoML's middlewares: all of them are named, one can be left out, and the table follows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.middlewares import ALL, BARE, MIDDLEWARES, NONE, table
from benchmarks.serving import Turn

SCRIPT = """
from benchmarks.lib.without_middleware import NaiveWithoutMiddleware, name_of
print(*(name_of(middleware.cls) for middleware in NaiveWithoutMiddleware.to_asgi().user_middleware), sep="\\n")
"""
ROOT = Path(__file__).resolve().parents[2]


def _left(without: str, home: Path) -> set[str]:
    environ = {"BENCHMARK_WITHOUT": without, "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "true"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


def test_the_benchmark_covers_all_middlewares_of_bentoml(tmp_path: Path) -> None:
    every = _left("", tmp_path)
    assert every == {*MIDDLEWARES.values(), "ContextMiddleware"}
    assert _left("AccessLogMiddleware,TimeoutMiddleware", tmp_path) == every - {
        "AccessLogMiddleware",
        "TimeoutMiddleware",
    }


def test_the_table_relates_savings_to_what_bentoml_adds() -> None:
    def turns(*cpu: float) -> list[Turn]:
        return [Turn(100.0, seconds, 0.01, 0.02, 0.0) for seconds in cpu]

    rows = str(
        table({BARE: turns(1e-3, 2e-3), ALL: turns(5e-3, 6e-3), NONE: turns(2e-3, 3e-3), "x": turns(4e-3, 5e-3)})
    ).splitlines()[2:]
    assert [row.split(" | ")[-2:] for row in rows] == [
        ["4.00", "100 % |"],
        ["0.00", "0 % |"],
        ["3.00", "75 % |"],
        ["1.00", "25 % |"],
    ]
