"""The HTML report of an evaluation."""

from __future__ import annotations

from datetime import UTC, datetime

from sentiline.evaluation.result import Evaluation
from sentiline.evaluation.skipped_rows import PROBLEMS
from sentiline.reporting.html_report import render_page


def render_evaluation(evaluation: Evaluation, now: datetime | None = None) -> str:
    """Render an evaluation as an HTML page.

    Args:
        evaluation: The evaluation to display.
        now: The time displayed on the page; None for the current time.

    Raises:
        SettingError: Jinja is not installed.
    """
    when = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    return render_page("evaluation.html", data=evaluation.data, models=evaluation.models, reasons=PROBLEMS, when=when)
