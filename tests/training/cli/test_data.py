"""The `data` commands on real files: output, exit status, and errors without a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from training.cli.data import data


def _run(*arguments: object, env: dict[str, str | None] | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(data, [str(argument) for argument in arguments], env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    rows = "".join(f"text {n},{1 if n % 4 else 5}\n" for n in range(40))
    path.write_text(f"text,stars\n{rows}so so,3\n,5\n", encoding="utf-8")
    return path


def test_check_lists_the_skipped_rows(reviews: Path) -> None:
    status, out, err = _run("check", reviews, "--label-column", "stars")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "42 rows, labels read as stars5: 40 usable (10 positive, 30 negative), 2 skipped",
        f"  1 neutral_label: neither negative nor positive; {reviews}: 42 ('3')",
        f"  1 empty_text: no word in the text; {reviews}: 43 ('')",
        "balance: 10 positive, 30 negative; always predicting NEGATIVE has an accuracy of 75.00 %",
        "duplicates: 0 word for word, 0 nearly; a split keeps them together",
        "contradictions (texts with both labels): 0",
        "known words: 100.0 % of the tokens are in the vocabulary of bilstm (--init bilstm)",
        f"{reviews}:42: neutral_label: '3'",
        f"{reviews}:43: empty_text: ''",
    ]
    assert _run("check", reviews, "--label-column", "stars", "--show", 1)[1].splitlines()[-1] == "and 1 more (--show)"


def test_strict_check_fails_on_skipped_rows(reviews: Path) -> None:
    assert _run("check", reviews, "--label-column", "stars", "--strict")[0] == 1
    reviews.write_text("text,label\na,1\nb,0\n", encoding="utf-8")
    assert _run("check", reviews, "--strict")[0] == 0


def test_describe_shows_the_split(reviews: Path) -> None:
    status, out, _ = _run("describe", reviews, "--label-column", "stars", "--fraction", "0.2")
    assert status == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    assert [row[:3] for row in rows] == [["all", "40", "10"], ["training", "32", "8"], ["validation", "8", "2"]]
    assert "stars: 1: 30, 5: 10" in out


def test_errors_are_one_message_and_status_1(reviews: Path, tmp_path: Path) -> None:
    status, out, err = _run("check", reviews)
    assert (status, out) == (1, "")
    assert err == (
        f"Error: {reviews} has no column 'label'; name the column of the labels with --label-column; its columns: "
        "'text', 'stars'\n"
    )
    assert _run("check", "--archive", tmp_path / "nope")[0] == 1
    assert _run("describe", reviews, "--label-column", "stars", "--fraction", "7")[0] == 1
    assert _run("fetch", env={"IMDB_ARCHIVE": str(tmp_path / "nope")})[0] == 1
    status, _, err = _run("fetch", "--url", "ftp://x", env={"IMDB_ARCHIVE": None, "SENTILINE_CACHE": str(tmp_path)})
    assert status == 1
    assert "Error: ftp://x is not an http address" in err


def test_usage_errors_are_status_2(reviews: Path, tmp_path: Path) -> None:
    assert _run("check", reviews, "--archive", reviews)[0] == 2
    assert _run("check", reviews, "--labels", "stars")[0] == 2
    assert _run("check", reviews, "--show", "-1")[0] == 2
    status, _, err = _run("check", env={"IMDB_ARCHIVE": None, "SENTILINE_CACHE": str(tmp_path)})
    assert status == 2
    assert "no IMDB archive on this machine" in err


def test_check_verifies_the_archive(imdb_archive: Path) -> None:
    status, out, _ = _run("check", env={"IMDB_ARCHIVE": str(imdb_archive)})
    assert status == 0
    assert out.splitlines()[-1] == f"{imdb_archive}: complete and unaltered"


@pytest.mark.parametrize("command", ["fetch", "check", "describe"])
def test_help_has_runnable_examples(command: str) -> None:
    status, out, _ = _run(command, "--help")
    assert status == 0
    assert f"    python -m training data {command}" in out


def test_dialects_are_read_as_by_score(tmp_path: Path) -> None:
    (tmp_path / "polarity.csv").write_text(
        "exported 2024\n" + r'"2", "A \"fine\" film, quiet."' + "\n" + '"1", "Awful mess."\n', encoding="utf-8"
    )
    options = ["--no-header", "--skip-lines", "1", "--escape", "\\", "--skip-blanks"]
    columns = ["--text-column", "2", "--label-column", "1", "--labels", "negative=1,positive=2"]
    status, out, _ = _run("check", tmp_path / "polarity.csv", *columns, *options)
    assert status == 0
    assert out.startswith("2 rows, labels read as negative=1,positive=2: 2 usable (1 positive, 1 negative), 0 skipped")
    status, _, err = _run("check", tmp_path / "polarity.csv", *columns)
    assert status == 1
    assert "line 2: 3 columns" in err
    assert "add --escape" in err
