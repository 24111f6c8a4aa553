/* The text with its tokens tinted. Of a long text only what is near the eye has an element for each token. */

import { html } from "./element.js";
import { counted } from "./format.js";

/** Tokens in a chunk, which either has an element for each of them or is one piece of plain text. */
const CHUNK = 250;

/** As many chunks keep their elements for good. */
const KEPT = 6;

/** Characters shown at either end of a long stretch that the model did not read. */
const SHOWN = 240;

/** What sentences were chosen, in all texts of the page; drawn by `::highlight(sentence)`. */
const marked = typeof Highlight === "function" ? new Highlight() : null;
if (marked) CSS.highlights.set("sentence", marked);

export class TintedText {
  /** @param {HTMLElement} root scrolls; its content is replaced */
  constructor(root) {
    this.root = root;
    this.active = -1;
    this.reading = null;
    this.range = null;
  }

  /** @param {import("./reading.js").Reading} reading */
  show(reading) {
    this.observer?.disconnect();
    this.mark(0, 0);
    this.active = -1;
    this.reading = reading;
    const { size, leftOut, text } = reading;
    this.chunks = [];
    const parts = [];
    for (let first = 0; first < size; ) {
      if (leftOut?.before === first) parts.push(this.unread());
      // a stretch that was left out lies between two chunks
      const stop = leftOut && first < leftOut.before ? Math.min(size, leftOut.before) : size;
      const last = Math.min(stop, first + CHUNK);
      const element = html("span", { class: "chunk" });
      const chunk = { element, first, last, start: this.gapBefore(first), end: this.gapBefore(last, true), rich: false };
      element.append(text.slice(chunk.start, chunk.end));
      this.chunks.push(chunk);
      parts.push(element);
      first = last;
    }
    if (leftOut?.before === size) parts.push(this.unread());
    for (const chunk of this.chunks.slice(0, KEPT)) this.enrich(chunk);
    this.root.replaceChildren(...parts);
    this.root.scrollTop = 0;
    if (this.chunks.length > KEPT) this.observe();
  }

  clear() {
    this.observer?.disconnect();
    this.mark(0, 0);
    this.reading = null;
    this.active = -1;
    this.root.replaceChildren();
  }

  /** Where the text of the chunk that begins (or, `ending`, of the one that ends) before a token begins (ends). */
  gapBefore(token, ending = false) {
    const { starts, size, leftOut, text } = this.reading;
    if (leftOut?.before === token) return ending ? leftOut.start : leftOut.end;
    if (token === 0) return 0;
    return token === size ? text.length : starts[token];
  }

  /** Turn chunks that come near the visible part into elements, and back when they are far away. */
  observe() {
    const byElement = new Map(this.chunks.map((chunk) => [chunk.element, chunk]));
    const near = (entries) => {
      for (const { target, isIntersecting } of entries) {
        const chunk = byElement.get(target);
        if (isIntersecting) this.enrich(chunk);
        else if (this.chunks.indexOf(chunk) >= KEPT && !this.holds(chunk)) this.flatten(chunk);
      }
    };
    this.observer = new IntersectionObserver(near, { root: this.root, rootMargin: "800px 0px" });
    for (const { element } of this.chunks) this.observer.observe(element);
  }

  holds(chunk) {
    return chunk.first <= this.active && this.active < chunk.last;
  }

  enrich(chunk) {
    if (chunk.rich) return;
    const { text, starts, ends, levels, prediction } = this.reading;
    const parts = [];
    let position = chunk.start;
    for (let index = chunk.first; index < chunk.last; index++) {
      if (starts[index] > position) parts.push(text.slice(position, starts[index]));
      const token = html("span", { class: tintClass(levels[index]), "data-index": index });
      const { unknown, read_as: readAs } = prediction.timesteps[index];
      if (readAs) token.title = `read as \u201c${readAs}\u201d`;
      if (unknown) {
        token.classList.add("unknown");
        token.title = "not in the model's vocabulary: it reads \u201cunknown word\u201d here";
      }
      if (index === this.active) token.classList.add("active");
      token.append(text.slice(starts[index], ends[index]));
      parts.push(token);
      position = ends[index];
    }
    if (chunk.end > position) parts.push(text.slice(position, chunk.end));
    chunk.element.replaceChildren(...parts);
    chunk.rich = true;
  }

  flatten(chunk) {
    if (!chunk.rich) return;
    chunk.element.replaceChildren(this.reading.text.slice(chunk.start, chunk.end));
    chunk.rich = false;
  }

  /** What the model did not read, its middle folded if it is long. */
  unread() {
    const { text, leftOut, prediction } = this.reading;
    const stretch = text.slice(leftOut.start, leftOut.end);
    const count = prediction.tokens_total - prediction.tokens_used;
    const badge = html("span", { class: "badge" }, `${counted(count, "token")} left out`);
    const element = html("span", { class: "left-out", title: "the model did not read this" }, badge, " ");
    if (stretch.length <= 3 * SHOWN) {
      element.append(html("del", {}, stretch));
    } else {
      const unfold = html("button", { type: "button", class: "fold" }, "show all");
      unfold.addEventListener("click", () => element.replaceChildren(badge, " ", html("del", {}, stretch)));
      const head = html("del", {}, `${cut(stretch, 0, SHOWN)}\u2026`);
      const tail = html("del", {}, `\u2026${cut(stretch, stretch.length - SHOWN, stretch.length)}`);
      element.append(head, " ", unfold, " ", tail);
    }
    return element;
  }

  /** The element of a token; its chunk gets elements if it has none. */
  element(index) {
    const chunk = this.chunks.find(({ first, last }) => first <= index && index < last);
    this.enrich(chunk);
    return chunk.element.querySelector(`[data-index="${index}"]`);
  }

  /** Make a token the active one; -1 for none. */
  activate(index, reveal = false) {
    if (index !== this.active) {
      this.root.querySelector(".active")?.classList.remove("active");
      this.active = index;
      if (index >= 0) this.element(index).classList.add("active");
    }
    if (index >= 0 && reveal) this.reveal(this.element(index));
  }

  /** Scroll the text, and nothing else, until an element is well inside it. */
  reveal(element) {
    const frame = this.root.getBoundingClientRect();
    const box = element.getBoundingClientRect();
    const margin = Math.min(48, frame.height / 4);
    if (box.top < frame.top + margin) this.root.scrollTop += box.top - frame.top - margin;
    else if (box.bottom > frame.bottom - margin) this.root.scrollTop += box.bottom - frame.bottom + margin;
  }

  /** Mark the tokens from `first` up to `last`, which is not one of them. */
  mark(first, last) {
    if (this.range) marked?.delete(this.range);
    this.range = null;
    if (first >= last || !marked) return;
    const range = new Range();
    range.setStartBefore(this.element(first));
    range.setEndAfter(this.element(last - 1));
    this.range = range;
    marked.add(range);
  }

  /** The index of the token at an event's target; -1 if it is none. */
  static indexOf(target) {
    const token = target instanceof Element ? target.closest("[data-index]") : null;
    return token ? Number(token.dataset.index) : -1;
  }
}

/** The classes of a token, or of a sample of its tint. */
export function tintClass(level) {
  if (level === 0) return "token";
  return `token ${level > 0 ? "positive" : "negative"} tint-${Math.abs(level)}`;
}

/** A slice that cuts no pair of surrogates in two. */
function cut(text, start, end) {
  const inside = (unit) => unit > 0 && unit < text.length && text.codePointAt(unit - 1) > 0xffff;
  return text.slice(inside(start) ? start + 1 : start, inside(end) ? end - 1 : end);
}
