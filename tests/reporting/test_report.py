"""`sentiline score --report`: pages of real runs, hostile reviews, interruptions, and protection of existing files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sentiline.cli.main import main
from sentiline.predictor import Predictor
from sentiline.reporting.report import HtmlReportBuilder
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from sentiline.scoring.scorer import ScoredChunk
from tests.reporting.pages import Page

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    "</p><script>document.title='run'</script><img src=x onerror=alert(1)> wonderful best film \x1b[31m {{ 7 }}",
    "worst \u202e terrible '\"><style>*{}</style> \u6f22\u5b57 \U0001f600 bad boring",
)


@pytest.fixture(autouse=True)
def _here(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTILINE_MODELS", str(bundle.parent))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(rows: list[dict[str, Any]], tmp_path: Path) -> Path:
    path = tmp_path / "reviews.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["score", *map(str, arguments)])


def read(path: str) -> tuple[str, Page]:
    content = Path(path).read_text(encoding="utf-8")
    page = Page(content)
    page.check()
    return content, page


def test_the_page_agrees_with_the_scored_output(predictor: Predictor, file: Path, rows: list[dict[str, Any]]) -> None:
    done = run("reviews.jsonl", "-o", "out.jsonl", "--report", "a.html", "--date-column", "when")
    assert done.exit_code == 0, done.output
    assert "report: a.html\n" in done.output
    scored = [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    positives = [row["positive"] for row in scored if row["error"] is None]
    _, page = read("a.html")
    share = sum(one >= 0.5 for one in positives) / len(positives)
    assert "scored 2\u202f596 ".replace("\u202f", " ") in page.text.replace("\u202f", " ")
    assert f"positive {100 * share:.1f} %" in page.text
    assert f"mean P(positive) {np.mean(positives):.3f}" in page.text
    unsure = [row["uncertain"] for row in scored if row["error"] is None]
    assert f"uncertain {100 * np.mean(unsure):.1f} % {sum(unsure):,} ".replace(",", " ") in page.text
    assert f"{sum(unsure):,} verdicts uncertain, {100 * np.mean(unsure):.1f} %\n" in done.output
    assert "missing_text 3 no text: the column is null or absent reviews.jsonl, line 8; " in page.text
    assert "empty_text 1 no word in the text reviews.jsonl, line 9" in page.text
    assert "2 scored rows have no readable date" in page.text
    assert "the first is in reviews.jsonl, line 21: 'yesterday'" in page.text
    manifest = predictor.manifest
    assert manifest.files[manifest.precisions["int8"]].sha256 in page.text
    bars = [float(one["height"] or 0) for name, one in page.elements if name == "rect" and one["class"] != "volume"]
    histogram = np.histogram(positives, 50, (0, 1))[0]
    assert len(bars) == np.count_nonzero(histogram)
    assert np.argmax(bars) == np.argmax(histogram[histogram > 0])
    weeks = {one["when"][:10] for one in rows if (one["when"] or "y")[0] == "2"}
    assert len(weeks) == 200
    assert sum(name == "circle" for name, _ in page.elements) == 29  # 200 days are shown by week
    for end in (max(positives), min(positives)):
        places = [f"reviews.jsonl, line {row['id'] + 1} " for row in scored if row["positive"] == end]
        assert any(place in page.text for place in places)


def test_markup_in_a_review_is_escaped() -> None:
    rows = [{"text": text, "<b>when": "<i>soon</i>"} for text in HOSTILE]
    name = "a'<u>&.jsonl"
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = run(name, "-o", "out.csv", "--report", "a.html", "--date-column", "<b>when")
    assert done.exit_code == 0, done.output
    content, page = read("a.html")
    assert not {"i", "u"} & {name for name, _ in page.elements}
    assert "&lt;script&gt;" in content
    shown = "".join(page.text.split())
    for text in ("</p><script>document.title='run'</script><imgsrc=xonerror=alert(1)>", "{{7}}", "<style>*{}</style>"):
        assert text in shown
    assert "No scored row has a readable date in the column <b>when" in page.text
    assert "'<i>soon</i>'" in page.text
    assert name in page.text
    assert "\x1b" not in content
    assert "\u202e" not in content


def test_a_run_without_any_scored_row_has_a_report() -> None:
    Path("a.csv").write_text("text\n\n...\n!,\n".replace("!,", "--"), encoding="utf-8")
    done = run("a.csv", "-o", "out.csv", "--report", "a.html")
    assert done.exit_code == 4, done.output
    _, page = read("a.html")
    assert "positive \u2013 0" in page.text
    assert "No row was scored." in page.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--report", "a.png"), "--report is a.png, and it is written as HTML; its name must end in .html or .htm"),
        (("--report", "b.html"), "b.html exists; replace it with --overwrite"),
        (("--report", "no/a.html"), "there is no folder"),
        (("--date-column", "when"), "--date-column and --date-format are for --report"),
        (("--report", "a.html", "--date-column", "date"), "has no column 'date' for --date-column; its columns: 'id'"),
    ],
)
def test_invalid_report_options_are_rejected_before_any_file_is_written(
    file: Path, arguments: tuple[str, ...], message: str
) -> None:
    Path("b.html").write_text("mine", encoding="utf-8")
    done = run(file, "-o", "out.csv", *arguments)
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert sorted(path.name for path in Path().iterdir()) == ["b.html", "reviews.jsonl"]
    assert Path("b.html").read_text(encoding="utf-8") == "mine"


def test_a_missing_jinja_is_reported_with_its_extra(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\ngood\n", encoding="utf-8")
    code = (
        "import sys; sys.modules['jinja2'] = None; from sentiline.cli.main import main; "
        "main(['score', 'a.csv', '-o', 'out.csv', *sys.argv[1:]])"
    )
    cases = (("a.html", "HTML reports need Jinja"), ("", ""))
    for name, message in cases:
        done = subprocess.run(
            [sys.executable, "-c", code, *(["--report", name] if name else [])],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "SENTILINE_MODELS": str(bundle.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == (2 if message else 0), done.stderr
        assert not message or f"{message}: pip install 'sentiline[report]'" in done.stderr
        assert (tmp_path / "out.csv").exists() == (not message)


def finished_chunks(folder: Path) -> int:
    path = folder / "journal.jsonl"
    return path.read_bytes().count(b'"tally"') if path.exists() else 0


def stable_content(path: str) -> str:
    """Read a page without the facts that differ between runs."""
    content, _ = read(path)
    content = re.sub(r"<tr><th>(started|finished|took|command)</th>.*?</tr>", "", content)
    return re.sub(r"int8; [^<]*UTC</p>", "", content)


class InterruptedReport(HtmlReportBuilder):
    """A report builder that interrupts its run after a number of chunks."""

    chunks = 0

    def add(self, scored: ScoredChunk) -> None:
        if not self.chunks:
            raise KeyboardInterrupt
        self.chunks -= 1
        super().add(scored)


def interrupt_after(chunks: int, predictor: Predictor, file: Path, date_column: str | None = None) -> None:
    """Start or resume a run with the report a.html, and interrupt it after a number of chunks."""
    report = InterruptedReport([Path("a.html")], predictor, date_column=date_column)
    report.chunks = chunks
    with pytest.raises(KeyboardInterrupt):
        score_files(predictor, [str(file)], "out.csv", ScoreOptions(), resume=True, report_builder=report)


@pytest.fixture
def many(file: Path) -> Path:
    """A file of eleven chunks."""
    path = Path("many.jsonl")
    path.write_text(file.read_text(encoding="utf-8") * 4, encoding="utf-8")
    return path


def test_an_interrupted_and_resumed_run_writes_the_same_report(predictor: Predictor, many: Path) -> None:
    flags = ("--report", "a.html", "--date-column", "when")
    assert run(many, "-o", "whole.csv", *flags).exit_code == 0
    whole = stable_content("a.html")
    Path("a.html").unlink()
    for chunks in (1, 3, 4):
        interrupt_after(chunks, predictor, many, "when")
        assert 1 <= len(list(Path("out.csv.partial").glob("state-*"))) <= 2
    assert finished_chunks(Path("out.csv.partial")) == 8
    other = run(many, "-o", "out.csv", "--resume", "--report", "a.html")
    assert other.exit_code == 2
    assert "report changed since the interrupted run" in other.output
    done = run(many, "-o", "out.csv", "--resume", *flags)
    assert done.exit_code == 0, done.output
    assert stable_content("a.html") == whole
    assert "in 4 runs" in read("a.html")[1].text
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert not Path("out.csv.partial").exists()


@pytest.mark.long
def test_a_killed_and_resumed_run_writes_the_same_report(bundle: Path, many: Path) -> None:
    flags = ("--report", "a.html", "--date-column", "when")
    assert run(many, "-o", "whole.csv", *flags).exit_code == 0
    whole = stable_content("a.html")
    Path("a.html").unlink()
    command = [sys.executable, "-m", "sentiline", "score", many, "-o", "out.csv", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while process.poll() is None and finished_chunks(Path("out.csv.partial")) < 1:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -9
    done = run(many, "-o", "out.csv", "--resume", *flags)
    assert done.exit_code == 0, done.output
    assert stable_content("a.html") == whole
    assert "in 2 runs" in read("a.html")[1].text
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_resuming_replaces_only_the_report_of_the_interrupted_run(predictor: Predictor, many: Path) -> None:
    Path("mine.html").write_text("mine", encoding="utf-8")
    done = run(many, "-o", "out.csv", "--resume", "--report", "mine.html")
    assert done.exit_code == 2
    assert "mine.html exists; replace it with --overwrite, or use another file" in done.output
    assert not Path("out.csv.partial").exists()
    interrupt_after(1, predictor, many)
    done = run(many, "-o", "out.csv", "--resume", "--report", "mine.html")
    assert "report changed since the interrupted run" in done.output
    Path("a.html").write_text("of this run, interrupted again", encoding="utf-8")
    done = run(many, "-o", "out.csv", "--resume", "--report", "a.html")
    assert done.exit_code == 0, done.output
    read("a.html")
    assert Path("mine.html").read_text(encoding="utf-8") == "mine"
    written = Path("a.html").read_bytes()
    done = run(many, "-o", "out.csv", "--resume", "--report", "a.html")
    assert done.exit_code == 2
    assert "no interrupted run found" in done.output
    assert Path("a.html").read_bytes() == written, "the run is complete, and so is its report"


class FullDiskReport:
    """A report builder that fails as on a full disk when the report is written."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.seen: list[int] = []

    def claim(self, *, replace: bool) -> None:
        """No file is in the way."""

    def prepare(self, first: Any) -> None:
        assert len(first) == 1_024

    def add(self, scored: Any) -> None:
        self.seen.append(len(scored.results))

    def dump(self) -> bytes:
        return json.dumps(self.seen).encode()

    def restore(self, content: bytes) -> None:
        self.seen = json.loads(content)

    def finish(self, summary: Any) -> None:
        assert sum(self.seen) == summary.rows
        raise OSError(28, "No space left on device", "a.html")


def test_a_report_that_cannot_be_written_loses_no_scored_row(predictor: Predictor, file: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        score_files(predictor, [str(file)], "out.csv", ScoreOptions(), report_builder=FullDiskReport())
    assert finished_chunks(Path("out.csv.partial")) == 3
    again = FullDiskReport()
    with pytest.raises(OSError, match="No space left"):
        score_files(predictor, [str(file)], "out.csv", ScoreOptions(), resume=True, report_builder=again)
    assert sum(again.seen) == 2_600
    assert finished_chunks(Path("out.csv.partial")) == 3
