"""Rows and scores are those of the local engine on a real Ray cluster, whatever of it is killed in the middle."""

from __future__ import annotations

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from sentiline.cluster.driver import Cluster, check_for_cluster, score_on_cluster
from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.reporting.report import HtmlReportBuilder
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import Progress, score_files
from tests.cluster.conftest import ROOT, Nodes
from tests.scoring.files import ROWS, write

ROW_COUNT = 12_000
PARTS = 12
"""Of `reviews`, at 1,024 rows: each of the three files has 4,000."""

Check = Callable[[Path, Path], None]

# What Ray Data 2.60 sets in its own settings, and warns of itself
pytestmark = pytest.mark.filterwarnings("ignore:`use_:DeprecationWarning:ray.data.context")


def workers(output: Path) -> list[tuple[str, int]]:
    """Node and process that wrote each finished part of an unfinished run."""
    records = output.with_name(output.name + ".partial") / "records"
    return [tuple(json.loads(path.read_bytes())["worker"]) for path in sorted(records.glob("*.json"))]


def test_every_format_gives_what_the_local_engine_gives(
    predictor: Predictor, nodes: Nodes, tmp_path: Path, same_content: Check, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a.csv", ROWS)  # its texts hold newlines and quotes
    write(folder / "b.jsonl.gz", [*ROWS[::-1], {"id": "x", "review": "", "note": ""}])
    long = [{"id": str(n), "review": "a good film " * (n % 7), "note": None} for n in range(3_000)]
    schema = pa.schema([(name, pa.string()) for name in long[0]])
    pq.write_table(pa.Table.from_pylist(long, schema), folder / "c.parquet", row_group_size=700)
    options = ScoreOptions(text_column="review", timesteps=True, neutral=True, prefix="s_")
    local = score_files(predictor, [str(folder)], tmp_path / "local.parquet", options)
    seen: list[Progress] = []
    summary = score_on_cluster(
        predictor,
        [str(folder)],
        tmp_path / "out",
        options,
        Cluster(nodes.address, part_rows=1024),
        on_progress=seen.append,
    )
    assert summary == local
    assert summary.neutral
    same_content(tmp_path / "out", tmp_path / "local.parquet")
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert [part["rows"] for part in manifest["parts"]] == [6, 7, 1024, 376, 1024, 376, 200]
    assert manifest["model"]["name"] == "bilstm"
    assert (seen[-1].summary, seen[-1].done, seen[-1].resumed) == (summary, seen[-1].total, 0)
    assert capfd.readouterr() == ("", ""), "Ray says nothing"


def test_far_dates_and_values_that_are_not_decodable(
    predictor: Predictor, nodes: Nodes, tmp_path: Path, same_content: Check
) -> None:
    until = [datetime.datetime(2024, 1, 1)] * 2_999 + [datetime.datetime(9999, 12, 31)]
    authors = pa.array([b"Bo", b"Ren\xe9"] + [b"Ann"] * 2_998, pa.binary())
    columns = {
        "review": pa.array(["a good film"] * 3_000),
        "author": pa.Array.from_buffers(pa.string(), 3_000, authors.buffers()),
        "until": pa.array(until, pa.timestamp("us")),
    }
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), source, row_group_size=1_000, use_deprecated_int96_timestamps=True)
    options = ScoreOptions(text_column="review")
    local = score_files(predictor, [str(source)], tmp_path / "local.parquet", options)
    cluster = Cluster(nodes.address, part_rows=1024)
    assert score_on_cluster(predictor, [str(source)], tmp_path / "out", options, cluster) == local
    assert local.examples == {"undecodable_column": f"{source}, row 2, column 'author'"}
    same_content(tmp_path / "out", tmp_path / "local.parquet")
    assert pq.read_table(tmp_path / "out")["until"].to_pylist() == until
    options = ScoreOptions(text_column="review", strict=True)
    with pytest.raises(DataFileError, match="row 2, column 'author': undecodable_column"):
        score_on_cluster(predictor, [str(source)], tmp_path / "strict", options, cluster)


def test_a_lost_node_loses_no_row(
    predictor: Predictor,
    nodes: Nodes,
    reviews: Path,
    expected: Path,
    tmp_path: Path,
    same_content: Check,
    capfd: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out"
    processes: list[set[int]] = []

    def lose(progress: Progress) -> None:
        found = {process for _, process in workers(output)}
        if len(found) == 2 and not processes:  # both nodes have written a part
            processes.append(found)
            assert progress.summary.rows < ROW_COUNT
            nodes.lose()

    summary = score_on_cluster(
        predictor, [str(reviews)], output, None, Cluster(nodes.address, workers=2, part_rows=1024), on_progress=lose
    )
    assert summary is not None
    assert summary.rows == ROW_COUNT
    assert processes
    same_content(output, expected)
    assert capfd.readouterr() == ("", ""), "Ray says nothing"


def test_a_killed_driver_and_a_killed_actor_lose_no_row(
    predictor: Predictor,
    bundle: Path,
    nodes: Nodes,
    environment: dict[str, str],
    reviews: Path,
    expected: Path,
    tmp_path: Path,
    same_content: Check,
) -> None:
    output = tmp_path / "out"
    command = [sys.executable, "-m", "sentiline", "score", str(reviews), "-o", str(output), "--engine", "ray"]
    command += ["--address", nodes.address, "--workers", "2", "--part-rows", "1024", "--model", str(bundle)]
    with (tmp_path / "errors").open("wb") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stderr=errors)
        while process.poll() is None and len(workers(output)) < 3:
            time.sleep(0.01)
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL, (tmp_path / "errors").read_text()
    assert not output.exists(), "half a data set is never visible"
    cluster = Cluster(nodes.address, workers=2, part_rows=1024)
    with pytest.raises(DataFileError, match="continue it with --resume, or start over with --overwrite"):
        score_on_cluster(predictor, [str(reviews)], output, None, cluster)
    with pytest.raises(DataFileError, match="options changed since the interrupted run"):
        score_on_cluster(predictor, [str(reviews)], output, ScoreOptions(prefix="s_"), cluster, resume=True)
    finished = workers(output)
    seen: list[Progress] = []
    killed: list[int] = []
    others: set[int] = set()

    def kill(progress: Progress) -> None:
        seen.append(progress)
        mine = {process for _, process in workers(output)} - {process for _, process in finished}
        if not killed:
            killed.extend(mine)
            os.kill(killed[0], signal.SIGKILL)
        others.update(mine - set(killed))

    one = Cluster(nodes.address, workers=1, part_rows=1024)
    summary = score_on_cluster(predictor, [str(reviews)], output, None, one, resume=True, on_progress=kill)
    assert summary is not None
    assert summary.rows == ROW_COUNT
    assert len(finished) >= 3
    assert len(seen) <= PARTS - len(finished), "a finished part was scored again"
    assert len(killed) == 1
    assert others, "another process went on"
    same_content(output, expected)
    assert score_on_cluster(predictor, [str(reviews)], output, None, cluster, resume=True) is None
    with pytest.raises(DataFileError, match="was not written with these inputs, model and options"):
        score_on_cluster(predictor, [str(reviews)], output, ScoreOptions(prefix="s_"), cluster, resume=True)


def test_a_faulty_row_ends_a_strict_run_and_says_where(predictor: Predictor, nodes: Nodes, tmp_path: Path) -> None:
    rows = ['{"text": "good"}'] * 3_000
    (tmp_path / "a.jsonl").write_text("\n".join([*rows, '{"text": ""}', *rows]))
    inputs, cluster = [str(tmp_path / "a.jsonl")], Cluster(nodes.address, part_rows=1024)
    with pytest.raises(DataFileError, match=r"a\.jsonl, line 3001: empty_text: no word in the text; without --strict"):
        score_on_cluster(predictor, inputs, tmp_path / "out", ScoreOptions(strict=True), cluster)
    summary = score_on_cluster(predictor, inputs, tmp_path / "out", ScoreOptions(), cluster, resume=True)
    assert summary == score_files(predictor, inputs, tmp_path / "local.parquet")


@pytest.mark.parametrize("bad_rows", ["keep", "skip"])
def test_bad_rows_and_dropped_columns_are_those_of_the_local_engine(
    predictor: Predictor, nodes: Nodes, tmp_path: Path, same_content: Check, bad_rows: str
) -> None:
    rows = [json.dumps({"text": "good film", "n": n, "by": "Bo"}) for n in range(1500)]
    rows[700], rows[1400] = "{nonsense", json.dumps({"text": "bad", "n": 1400, "by": "Bo", "new": 1})
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(rows))
    (tmp_path / "in" / "b.jsonl").write_text("\n".join([*rows[:3], '{"text": null, "n": 3, "by": "Al"}']))
    inputs, cluster = [str(tmp_path / "in")], Cluster(nodes.address, part_rows=1024)
    stop, go = ScoreOptions(drop=["by"]), ScoreOptions(drop=["by"], bad_rows=bad_rows)
    with pytest.raises(DataFileError, match=r"a\.jsonl, line (701: not JSON|1401: has a column 'new')"):
        score_on_cluster(predictor, inputs, tmp_path / "out", stop, cluster)
    summary = score_on_cluster(predictor, inputs, tmp_path / "out", go, cluster, resume=True)
    assert summary is not None
    assert summary == score_files(predictor, inputs, tmp_path / "local.parquet", go)
    assert summary.faults == {"malformed_row": 1, "unexpected_column": 1, "missing_text": 1}
    assert summary.skipped == (3 if bad_rows == "skip" else 0)
    same_content(tmp_path / "out", tmp_path / "local.parquet")
    assert "by" not in pq.read_table(tmp_path / "out").column_names


def test_parts_with_other_types_become_one_and_a_check_tells_of_those_that_cannot(
    predictor: Predictor, nodes: Nodes, tmp_path: Path, same_content: Check
) -> None:
    (tmp_path / "in").mkdir()
    for number, column in enumerate((pa.array([1], pa.int32()), pa.array([1.5]), pa.array([None], pa.null()))):
        pq.write_table(pa.table({"review": ["a good film"], "n": column}), tmp_path / "in" / f"{number}.parquet")
    inputs, cluster = [str(tmp_path / "in")], Cluster(nodes.address)
    assert check_for_cluster(predictor, inputs, tmp_path / "out").problems == []
    summary = score_on_cluster(predictor, inputs, tmp_path / "out", None, cluster)
    assert summary == score_files(predictor, inputs, tmp_path / "local.parquet")
    same_content(tmp_path / "out", tmp_path / "local.parquet")
    pq.write_table(pa.table({"review": ["bad"], "n": ["x"]}), tmp_path / "in" / "3.parquet")
    result = check_for_cluster(predictor, inputs, tmp_path / "new")
    assert "3.parquet: column 'n' is of type string" in result.problems[0]
    assert not (tmp_path / "new").exists()
    with pytest.raises(DataFileError, match=r"3\.parquet: column 'n' is of type string"):
        score_on_cluster(predictor, inputs, tmp_path / "new", None, cluster)


def shown(path: Path) -> str:
    """A report without what it says of the run itself."""
    page = re.sub(r"<tr><th>(started|finished|took)</th>.*?</tr>", "", path.read_text(), flags=re.DOTALL)
    return re.sub(r'(<p class="lead">.*?);[^<]*', r"\1", page)


def test_a_report_of_a_run_that_was_stopped_is_that_of_the_local_engine(
    predictor: Predictor, nodes: Nodes, reviews: Path, tmp_path: Path
) -> None:
    def report(name: str) -> HtmlReportBuilder:
        return HtmlReportBuilder([tmp_path / name], predictor)

    score_files(predictor, [str(reviews)], tmp_path / "local.parquet", report_builder=report("local.html"))
    cluster = Cluster(nodes.address, workers=2, part_rows=1024)

    class StopError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.summary.rows > 3_000:
            raise StopError

    output = tmp_path / "out"
    with pytest.raises(StopError):
        score_on_cluster(
            predictor, [str(reviews)], output, None, cluster, on_progress=stop, report_builder=report("out.html")
        )
    assert not (tmp_path / "out.html").exists()
    with pytest.raises(DataFileError, match="report changed since the interrupted run"):
        score_on_cluster(predictor, [str(reviews)], output, None, cluster, resume=True)
    score_on_cluster(predictor, [str(reviews)], output, None, cluster, resume=True, report_builder=report("out.html"))
    assert ", in 2 runs" in (tmp_path / "out.html").read_text()
    assert shown(tmp_path / "out.html") == shown(tmp_path / "local.html")
    assert not (output / "figures").exists()


def test_an_object_store_takes_the_data_set(
    predictor: Predictor,
    nodes: Nodes,
    reviews: Path,
    expected: Path,
    tmp_path: Path,
    bucket: fs.SubTreeFileSystem,
) -> None:
    cluster = Cluster(nodes.address, workers=2, part_rows=4_096)
    url = "s3://reviews/scored/"
    summary = score_on_cluster(predictor, [str(reviews)], url, None, cluster, scratch=tmp_path)
    assert summary is not None
    assert list(tmp_path.iterdir()) == []
    assert pq.read_table("scored", filesystem=bucket).equals(pq.read_table(expected))
    assert score_on_cluster(predictor, [str(reviews)], url, None, cluster, scratch=tmp_path, resume=True) is None
    with pytest.raises(DataFileError, match="s3://reviews/scored exists; replace it with --overwrite"):
        score_on_cluster(predictor, [str(reviews)], url, None, cluster, scratch=tmp_path)


def test_inputs_are_not_replaced_by_their_output(predictor: Predictor, nodes: Nodes, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ROWS)
    cluster = Cluster(nodes.address, workers=1)
    score_on_cluster(
        predictor, [str(tmp_path / "a.csv")], tmp_path / "out", ScoreOptions(text_column="review"), cluster
    )
    again = ScoreOptions(text_column="review", prefix="again_")
    with pytest.raises(DataFileError, match=r"part-000000-000000.parquet lies inside the output .*"):
        score_on_cluster(predictor, [str(tmp_path / "out")], tmp_path / "out", again, cluster, overwrite=True)
    assert pq.read_table(tmp_path / "out").num_rows == len(ROWS)
