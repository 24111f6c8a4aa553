"""The time of a request by stage, from the metrics of the running service."""

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
# The time from the end of the headers to the last byte of the response that no stage covers: body, JSON, admission,
# event loop, socket.
REST = "the rest"

Seconds = Mapping[str, float]


def totals(server: Server) -> dict[str, float]:
    """Return the number of requests of `/predict` so far and their seconds, in total and by stage."""
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
    """Return the mean seconds by stage of the requests between two calls of `totals`."""
    requests = after["requests"] - before["requests"]
    found = {stage: (after[stage] - before[stage]) / requests for stage in STAGES}
    found[REST] = (after["all"] - before["all"]) / requests - sum(found.values())
    return found


def table(parts: Mapping[str, Seconds]) -> Table:
    """Return a table of mean milliseconds by load and stage."""
    rows = [
        [name, *(f"{1e3 * value:.2f}" for value in seconds.values()), f"{1e3 * sum(seconds.values()):.2f}"]
        for name, seconds in parts.items()
    ]
    return Table(["mean ms per request", *STAGES, REST, "total"], rows)


def draw(parts: Mapping[str, Seconds], path: Path) -> None:
    """Plot stacked bars of milliseconds per request, with one axis per load, since queues differ in length."""
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
        rows[-1].set_xlabel("mean milliseconds per request")
        handles, labels = rows[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False, fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130, metadata={"Software": None})
