"""`sentiline evaluate` on the command line: tables, JSON and page agree; invalid options are rejected at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentiline.cli.main import main
from sentiline.evaluation.evaluate import EvaluationOptions, evaluate_files
from sentiline.predictor import Predictor
from tests.reporting.pages import Page

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    "bad film </p><script>document.title='run'</script><img src=x onerror=alert(1)> \x1b[31m \u202e & {{ 7 * 7 }} "
    "not good"
)


@pytest.fixture(autouse=True)
def _here(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTILINE_MODELS", str(models))
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def test_tables_json_and_page_agree(predictors: list[Predictor], file: Path) -> None:
    names = ("--model", "bilstm", "--model", "plain", "--text-column", "review", "--label-column", "stars")
    done = run(file, *names, "--json", "out.json", "--report", "out.html")
    assert done.exit_code == 0, done.output
    document = json.loads(Path("out.json").read_text(encoding="utf-8"))
    models = {model["model"]: model for model in document["models"]}
    expected = evaluate_files(predictors[:1], [str(file)], EvaluationOptions("review", "stars")).as_dict()
    assert models["bilstm"] == expected["models"][0]
    assert document["data"] == expected["data"]
    assert models.keys() == {"bilstm", "plain"}
    page = Page(Path("out.html").read_text(encoding="utf-8"))
    page.check()
    for model in models.values():
        low, high = model["accuracy"]["low"], model["accuracy"]["high"]
        assert f"{100 * model['accuracy']['value']:.2f} %" in done.output
        assert f"{100 * low:.2f}-{100 * high:.2f} %" in done.output
        assert f"{100 * model['accuracy']['value']:.2f} %" in page.text
        assert f"{model['roc_auc']:.4f}" in done.output
        assert f"{model['roc_auc']:.4f}" in page.text
        assert model["sha256"] in page.text
    unsure = models["bilstm"]
    share, accuracy = (100 * unsure[key] for key in ("uncertain", "certain_accuracy"))
    lines = {line[:24].strip(): line[24:].split() for line in done.output.splitlines()}
    assert {f"{share:.2f}", "-"} <= set(lines["uncertain reviews"])
    assert {f"{accuracy:.2f}", "-"} <= set(lines["accuracy on the others"])
    assert f" {share:.1f} % {accuracy:.2f} % " in page.text
    assert (models["plain"]["uncertain"], models["plain"]["certain_accuracy"]) == (None, None)
    best = document["models"][0]
    assert best["worst_errors"][0]["place"] in done.output.replace("\n", "")
    assert best["worst_errors"][0]["place"] in page.text
    assert "chosen on these very rows" in " ".join(done.output.split())
    assert "chosen on these very rows" in page.text
    assert "1,500 rows, labels read as stars5: 1,500 evaluated" in done.output.replace("\n", "")


def test_all_models_evaluates_every_installed_model() -> None:
    Path("a.csv").write_text("text,label\ngood,1\nbad,0\n", encoding="utf-8")
    done = run("a.csv", "--all-models", "--worst", 0, "--json", "out.json")
    assert done.exit_code == 0, done.output
    found = {model["model"]: model["worst_errors"] for model in json.loads(Path("out.json").read_text())["models"]}
    assert {"bilstm", "plain"} <= found.keys()  # and those of the checkout
    assert len(found) > 4
    assert set(map(len, found.values())) == {0}
    for name in found:
        assert name in done.output


def test_markup_and_terminal_escapes_in_a_review_are_neutralized() -> None:
    texts = [HOSTILE, "good & <b>great</b>"]
    rows = [{"text": text, "<i>stars</i>": label} for text in texts for label in (0, 1)]
    Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = run("a.jsonl", "--label-column", "<i>stars</i>", "--report", "out.html")
    assert done.exit_code == 0, done.output
    content = Path("out.html").read_text(encoding="utf-8")
    page = Page(content)
    page.check()
    assert "i" not in {name for name, _ in page.elements}
    assert "&lt;script&gt;" in content
    shown = "".join(page.text.split())
    assert "</p><script>document.title='run'</script>" in shown
    assert "{{7*7}}" in shown
    assert "<i>stars</i>" in page.text
    for character in ("\x1b", "\u202e"):
        assert character not in content
        assert character not in done.output


def test_skipped_rows_are_reported_with_their_lines() -> None:
    Path("a.csv").write_text("text,label\ngood,1\nbad,0\n,1\nfilm,maybe\nfilm,\n", encoding="utf-8")
    done = run("a.csv", "--labels", "binary", "--report", "out.html")
    assert done.exit_code == 0, done.output
    assert "a.csv: 5 rows, labels read as binary: 2 evaluated (1 positive, 1 negative), 3 skipped" in done.output
    assert "  1 empty_text: no word in the text; a.csv: 4\n" in done.output
    assert "  1 unreadable_label: a label that --labels does not know; a.csv: 5 ('maybe')\n" in done.output
    assert "  1 missing_label: no label: the column is null, empty or absent; a.csv: 6\n" in done.output
    text = Page(Path("out.html").read_text(encoding="utf-8")).text
    assert "unreadable_label 1 a label that --labels does not know: maybe 5" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("a.csv", "--json", "out.html"),
            2,
            "--json is out.html, and it is written as JSON; its name must end in .json",
        ),
        (
            ("a.csv", "--report", "out.png"),
            2,
            "--report is out.png, and it is written as HTML; its name must end in .html or .htm",
        ),
        (("a.csv", "--json", "b.json"), 2, "b.json exists; replace it with --overwrite"),
        (("b.json", "--format", "jsonl", "--json", "b.json", "--overwrite"), 2, "b.json is also an input"),
        (("a.csv", "--report", "no/out.html"), 2, "there is no folder"),
        (("a.csv", "--model", "bilstm", "--all-models"), 2, "give one of them"),
        (("a.csv", "--model", "nope"), 1, "no model named 'nope'"),
        (("a.txt",), 2, "a.txt is plain text without labels"),
        (("nope.csv",), 2, "nope.csv: there is no such file"),
        (
            ("a.csv", "--labels", "stars5"),
            2,
            "a.csv: column 'label': 2 of 2 labels are not of stars5: yes (1 rows), no",
        ),
    ],
)
def test_invalid_options_are_rejected_before_the_evaluation(
    arguments: tuple[str, ...], code: int, message: str
) -> None:
    Path("a.csv").write_text("text,label\ngood,1\nbad,0\n".replace("1", "yes").replace("0", "no"), encoding="utf-8")
    Path("a.txt").write_text("good\n", encoding="utf-8")
    Path("b.json").write_text("{}", encoding="utf-8")
    done = run(*arguments)
    assert done.exit_code == code, done.output
    assert message in done.output
    assert "Traceback" not in done.output
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv", "a.txt", "b.json"]
    assert Path("b.json").read_text(encoding="utf-8") == "{}"


def test_without_jinja_only_the_report_is_rejected(models: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\ngood,1\nbad,0\n", encoding="utf-8")
    code = (
        "import sys; sys.modules['jinja2'] = None; "
        "from sentiline.cli.main import main; main(['evaluate', 'a.csv', '--model', sys.argv[1], *sys.argv[2:]])"
    )
    for arguments, expected in ((["--report", "out.html"], 2), (["--json", "out.json"], 0)):
        done = subprocess.run(
            [sys.executable, "-c", code, str(models / "bilstm"), *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stderr
        assert ("HTML reports need Jinja: pip install 'sentiline[report]'" in done.stderr) == bool(expected)
    assert not (tmp_path / "out.html").exists()
