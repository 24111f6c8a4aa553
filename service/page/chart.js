/* The sentiment along the text: each token's own reading, the running verdict on top, contributions below. */

import { svg } from "./element.js";
import { percent } from "./format.js";

const PLOT = { top: 12, bottom: 152 };
const BARS = { top: 172, bottom: 224 };
const MARGIN = 8;
const LEFT = 40;
const RIGHT = 14;

/** Columns narrower than this many pixels hold several tokens. */
const COLUMN = 2;

export class Chart {
  /**
   * @param {SVGSVGElement} root its content is replaced; it has the width of its parent
   * @param {(index: number) => void} onPoint told the token under the pointer
   */
  constructor(root, onPoint) {
    this.root = root;
    this.onPoint = onPoint;
    this.reading = null;
    this.active = -1;
    this.band = [0, 0];
    root.addEventListener("pointermove", (event) => this.point(event));
    root.addEventListener("pointerdown", (event) => this.point(event));
    new ResizeObserver(() => this.draw()).observe(root.parentElement);
  }

  show(reading) {
    this.reading = reading;
    this.active = -1;
    this.band = [0, 0];
    this.draw();
  }

  /** Mark a token; -1 for none. */
  activate(index) {
    this.active = index;
    this.drawCursor();
  }

  /** Mark the tokens from `first` up to `last`, which is not one of them. */
  mark(first, last) {
    this.band = [first, last];
    this.drawBand();
  }

  draw() {
    const width = Math.floor(this.root.parentElement.clientWidth);
    if (!this.reading || width <= LEFT + RIGHT) return;
    this.width = width;
    this.bottom = this.reading.additive ? BARS.bottom : PLOT.bottom;
    this.root.setAttribute("viewBox", `0 0 ${width} ${this.bottom + MARGIN}`);
    this.root.setAttribute("height", this.bottom + MARGIN);
    this.shade = svg("rect", { class: "band", y: PLOT.top, height: this.bottom - PLOT.top });
    this.cursor = svg("g", { class: "cursor" });
    this.root.replaceChildren(this.shade, ...this.scales(), ...this.gap(), ...this.marks(), this.cursor);
    this.drawBand();
    this.drawCursor();
  }

  x(index) {
    return LEFT + ((index + 0.5) / this.reading.size) * (this.width - LEFT - RIGHT);
  }

  scales() {
    const right = this.width - RIGHT;
    const line = (y, name) => svg("line", { class: name, x1: LEFT, x2: right, y1: y, y2: y });
    const label = (y, text) => svg("text", { class: "scale", x: LEFT - 8, y: y + 3.5, "text-anchor": "end" }, text);
    const rows = [0, 0.5, 1].flatMap((value) => [
      line(height(value), value === 0.5 ? "middle" : "grid"),
      label(height(value), `${100 * value}\u202f%`),
    ]);
    if (!this.reading.additive) return rows;
    const zero = (BARS.top + BARS.bottom) / 2;
    return [...rows, line(zero, "middle"), label(zero, "0")];
  }

  /** Where tokens were left out in the middle; at the ends there is nothing to bridge. */
  gap() {
    const { leftOut, size } = this.reading;
    if (!leftOut || leftOut.before === 0 || leftOut.before === size) return [];
    const x = this.x(leftOut.before - 0.5);
    return [svg("line", { class: "gap", x1: x, x2: x, y1: PLOT.top, y2: this.bottom })];
  }

  /** A fixed number of paths, however many tokens there are. */
  marks() {
    const { prediction, additive, coincides, size, scale } = this.reading;
    const steps = prediction.timesteps;
    const columns = Math.floor((this.width - LEFT - RIGHT) / COLUMN);
    const buckets = Math.min(size, columns);
    const own = { positive: "", negative: "" };
    const bars = { positive: "", negative: "" };
    let line = "";
    const zero = (BARS.top + BARS.bottom) / 2;
    for (let bucket = 0; bucket < buckets; bucket++) {
      const first = Math.floor((bucket * size) / buckets);
      const last = Math.floor(((bucket + 1) * size) / buckets);
      const x = ((this.x(first) + this.x(last - 1)) / 2).toFixed(1);
      const { above, below, runs, up, down } = summary(steps, first, last, additive);
      own.positive += dots(x, above);
      own.negative += dots(x, below);
      if (!additive) continue;
      for (const value of runs) line += `${line ? "L" : "M"}${x} ${height(value).toFixed(1)}`;
      const unit = (BARS.bottom - BARS.top) / 2 / scale;
      if (up > 0) bars.positive += stroke(x, zero, zero - up * unit);
      if (down < 0) bars.negative += stroke(x, zero, zero - down * unit);
    }
    const step = (this.width - LEFT - RIGHT) / buckets;
    const dot = Math.max(2, Math.min(6, 0.55 * step)).toFixed(1);
    const bar = Math.max(1, Math.min(9, 0.6 * step)).toFixed(1);
    const path = (name, d, width) => svg("path", { class: name, d, "stroke-width": width });
    const marks = coincides ? [] : [path("own positive", own.positive, dot), path("own negative", own.negative, dot)];
    if (!additive) return marks;
    const final = steps[size - 1].running;
    return [
      path("bar positive", bars.positive, bar),
      path("bar negative", bars.negative, bar),
      ...marks,
      path("running-halo", line, 5),
      path("running", line, 2),
      svg("circle", { class: "final", cx: this.x(size - 1), cy: height(final), r: 4 }, svg("title", {}, percent(final))),
    ];
  }

  drawBand() {
    if (!this.shade) return;
    const [first, last] = this.band;
    const half = (this.width - LEFT - RIGHT) / this.reading.size / 2;
    this.shade.setAttribute("x", first < last ? this.x(first) - half : 0);
    this.shade.setAttribute("width", first < last ? this.x(last - 1) - this.x(first) + 2 * half : 0);
  }

  drawCursor() {
    if (!this.cursor) return;
    this.root.dataset.active = this.active;
    if (this.active < 0) {
      this.cursor.replaceChildren();
      return;
    }
    const { positive, running } = this.reading.prediction.timesteps[this.active];
    const x = this.x(this.active);
    const side = positive >= 0.5 ? "positive" : "negative";
    const parts = [
      svg("line", { x1: x, x2: x, y1: PLOT.top - 4, y2: this.bottom }),
      svg("circle", { class: `own ${side}`, cx: x, cy: height(positive), r: 4.5 }),
    ];
    if (running !== null) parts.push(svg("circle", { class: "running", cx: x, cy: height(running), r: 4.5 }));
    this.cursor.replaceChildren(...parts);
  }

  point(event) {
    if (!this.reading) return;
    const box = this.root.getBoundingClientRect();
    const part = (event.clientX - box.left - LEFT) / (this.width - LEFT - RIGHT);
    const { size } = this.reading;
    this.onPoint(Math.max(0, Math.min(size - 1, Math.floor(part * size))));
  }
}

function height(probability) {
  return PLOT.bottom - probability * (PLOT.bottom - PLOT.top);
}

/** A vertical stroke. */
function stroke(x, from, to) {
  return `M${x} ${from.toFixed(1)}V${to.toFixed(1)}`;
}

/** The ends of a range: strokes without length, which their round caps make dots. */
function dots(x, range) {
  return [...new Set(range)].map((value) => `M${x} ${height(value).toFixed(1)}h0`).join("");
}

/**
 * What the tokens of one column come to.
 *
 * Returns the ranges of their own readings above and below one half, the running verdicts to draw through, the
 * greatest contribution and the least.
 */
function summary(steps, first, last, additive) {
  let above = [];
  let below = [];
  let low = first;
  let high = first;
  let up = 0;
  let down = 0;
  for (let index = first; index < last; index++) {
    const { positive, running, contribution } = steps[index];
    if (positive >= 0.5) above = widened(above, positive);
    else below = widened(below, positive);
    if (!additive) continue;
    if (running < steps[low].running) low = index;
    if (running > steps[high].running) high = index;
    up = Math.max(up, contribution);
    down = Math.min(down, contribution);
  }
  const points = [...new Set([first, Math.min(low, high), Math.max(low, high), last - 1])];
  return { above, below, runs: points.map((index) => steps[index].running), up, down };
}

function widened(range, value) {
  return range.length ? [Math.min(range[0], value), Math.max(range[1], value)] : [value, value];
}
