"""An evaluation as one HTML page."""

from __future__ import annotations

from datetime import UTC, datetime

from sentiline.evaluation.result import Evaluation
from sentiline.evaluation.skipped_rows import PROBLEMS
from sentiline.reporting.html_report import render_page


def render(evaluation: Evaluation, now: datetime | None = None) -> str:
    """Make the page.

    Args:
        evaluation: what it shows.
        now: its date; default the present.

    Raises:
        SettingError: Jinja is not installed.
    """
    when = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    return render_page("evaluation.html", data=evaluation.data, models=evaluation.models, reasons=PROBLEMS, when=when)
