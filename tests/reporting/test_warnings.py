"""Rows that may have lost something are listed in the report of their run."""

from __future__ import annotations

from pathlib import Path

from sentiline.predictor import Predictor
from sentiline.reporting.report import HtmlReportBuilder
from sentiline.scoring.pipeline import score_files
from sentiline.scoring.scorer import WARNINGS
from tests.reporting.pages import Page


def page_of(predictor: Predictor, tmp_path: Path, content: bytes) -> str:
    """The text of the report on a file."""
    (tmp_path / "a.tsv").write_bytes(content)
    target = tmp_path / "report.html"
    builder = HtmlReportBuilder([target], predictor)
    score_files(predictor, [str(tmp_path / "a.tsv")], tmp_path / "out.jsonl", report_builder=builder)
    page = Page(target.read_text(encoding="utf-8"))
    page.check()
    return page.text


def test_a_report_lists_the_warnings_of_its_run(predictor: Predictor, tmp_path: Path) -> None:
    content = b'by\treview\nRen\xe9e\tGood.\nBj\xf6rn\tBad.\nBo\t"Great film\nAl\tDull"\n'
    text = page_of(predictor, tmp_path, content)
    assert "Rows that may have lost something" in text
    for told in (
        f"undecodable_column 2 {WARNINGS['undecodable_column']} {tmp_path}/a.tsv, line 2, column 'by'; …",
        f"joined_lines 1 {WARNINGS['joined_lines']} {tmp_path}/a.tsv, lines 4 to 5",
    ):
        assert told in text


def test_a_report_of_a_run_without_warnings_has_no_such_list(predictor: Predictor, tmp_path: Path) -> None:
    assert "Rows that may have lost something" not in page_of(predictor, tmp_path, b"by\treview\nBo\tGood.\n")
