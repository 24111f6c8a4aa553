"""Where a request's time goes in the running service, by its own metrics: the queue and the stages after it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx
import matplotlib as mpl
from matplotlib.figure import Figure
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.lib.servers import Server
from benchmarks.lib.tables import Table

STAGES = ("queue", "tokenize", "infer", "serialize")
REST = "the rest"
"""Between the end of the headers and the last byte of the answer: body, JSON, admission, event loop, socket."""

Seconds = Mapping[str, float]


def totals(server: Server) -> dict[str, float]:
    """Seconds of all requests of `/predict` so far, by stage and in all, and their number."""
    text = httpx.get(f"http://127.0.0.1:{server.port}/metrics", timeout=60).text
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    found = {stage: samples["sentiline_stage_seconds_sum", ("stage", stage)] for stage in STAGES}
    of_route = ("route", "/predict")
    found["all"] = samples["sentiline_request_seconds_sum", of_route]
    found["requests"] = samples["sentiline_request_seconds_count", of_route]
    return found


def means(before: Seconds, after: Seconds) -> dict[str, float]:
    """Mean seconds of the requests in between, by stage; the rest is what the stages leave of the whole."""
    requests = after["requests"] - before["requests"]
    found = {stage: (after[stage] - before[stage]) / requests for stage in STAGES}
    found[REST] = (after["all"] - before["all"]) / requests - sum(found.values())
    return found


def table(parts: Mapping[str, Seconds]) -> Table:
    """Mean milliseconds by kind of load and stage."""
    rows = [
        [name, *(f"{1e3 * value:.2f}" for value in seconds.values()), f"{1e3 * sum(seconds.values()):.2f}"]
        for name, seconds in parts.items()
    ]
    return Table(["mean ms of a request", *STAGES, REST, "in all"], rows)


def draw(parts: Mapping[str, Seconds], path: Path) -> None:
    """Bars of milliseconds a request, stacked by stage; the kinds of load have an axis each, for the queue is long."""
    colours = dict(zip((*STAGES, REST), ("#26292e", "#7a9cc6", "#c3cbd6", "#c96f5b", "#e0a95f"), strict=True))
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(8.6, 0.9 + 0.75 * len(parts)), layout="constrained")
        rows = figure.subplots(len(parts), squeeze=False)[:, 0]
        for axes, (name, seconds) in zip(rows, parts.items(), strict=True):
            left = 0.0
            for stage, value in seconds.items():
                axes.barh(0, 1e3 * value, 0.6, left, color=colours[stage], label=stage)
                left += 1e3 * value
            axes.annotate(f"{left:.2f} ms", (left, 0), xytext=(4, 0), textcoords="offset points", va="center")
            axes.set_yticks([0], [name])
            axes.margins(x=0.12)
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.tick_params(axis="y", length=0)
        rows[-1].set_xlabel("milliseconds a request, mean")
        handles, labels = rows[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False, fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130, metadata={"Software": None})
