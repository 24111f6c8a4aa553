/* One model's reading of the text: verdict, tinted text, chart, sentences; asks the service, newest question only. */

import { ApiError, predict } from "./api.js";
import { Chart } from "./chart.js";
import { html } from "./element.js";
import { counted, integer, percent, quoted, share, signed } from "./format.js";
import { LEVELS, makeReading, tokenAt } from "./reading.js";
import { Sentences } from "./sentences.js";
import { TintedText, tintClass } from "./text.js";

/** How often a question that was put off (429, 503, no answer) is asked again without being told to. */
const RETRIES = 8;

/** Tokens that Page Up and Page Down walk. */
const PAGE = 25;

export class Panel extends EventTarget {
  /**
   * Fires `cursor` with the code point of the active token (null for none), `refused` with an ApiError, and `read`.
   *
   * @param {HTMLTemplateElement} template
   */
  constructor(template) {
    super();
    this.root = template.content.firstElementChild.cloneNode(true);
    const part = (name) => this.root.querySelector(`.${name}`);
    this.parts = Object.fromEntries(
      ["name", "about", "label", "score", "meter", "pin", "shares", "doubt", "facts", "problem", "message", "later", "wait", "again", "content"]
        .concat(["empty", "legend", "chart", "readout", "spoken", "text", "plot"])
        .map((name) => [name, part(name)]),
    );
    this.text = new TintedText(this.parts.text);
    this.chart = new Chart(part("plot"), (index) => this.move(index, { reveal: true }));
    this.sentences = new Sentences(part("sentences"), (sentence) => this.jump(sentence));
    this.turn = 0;
    this.reading = null;
    this.active = -1;
    this.listen();
  }

  listen() {
    const { text, chart, again } = this.parts;
    text.addEventListener("pointerover", (event) => {
      const index = TintedText.indexOf(event.target);
      if (index >= 0) this.move(index);
    });
    for (const area of [text, chart]) {
      area.addEventListener("keydown", (event) => this.walk(event));
      area.addEventListener("focus", () => this.active < 0 && area.matches(":focus-visible") && this.move(0, { spoken: true }));
      // a finger that is lifted leaves too, and what it pointed at is still to be read
      area.addEventListener("pointerleave", ({ pointerType }) => {
        if (pointerType === "mouse" && !area.matches(":focus-visible")) this.move(-1);
      });
      area.addEventListener("blur", () => this.move(-1));
    }
    again.addEventListener("click", () => this.repeat(0));
  }

  /**
   * @param {object} model as `GET /info` describes it
   * @param {boolean} neutral whether to ask for labels of three classes, if the model has them
   */
  choose(model, neutral = false) {
    this.neutral = neutral && Boolean(model.neutral);
    const same = this.model?.name === model.name;
    this.model = model;
    if (same) return;
    this.parts.name.textContent = model.name;
    this.parts.about.textContent = model.summary ?? "";
    this.root.setAttribute("aria-label", `Reading of ${model.name}`);
    this.parts.text.setAttribute("aria-label", `The review as ${model.name} read it; arrow keys walk from token to token`);
    this.parts.chart.setAttribute("aria-label", `Sentiment along the text, ${model.name}`);
  }

  /** Ask about a text; an earlier question is dropped, answered or not. */
  async ask(text, retries = 0) {
    this.asked = text;
    this.repeat = (again) => this.ask(text, again);
    const prediction = await this.question("timesteps", (error) => this.refuse(error, retries));
    if (!prediction) return;
    this.show(makeReading(text, prediction));
    if (this.reading.additive) await this.askSentences();
    else this.sentences.show(null);
  }

  /** Ask for the sentences of the text that is shown, which stays whatever the answer is. */
  async askSentences(retries = 0) {
    this.repeat = (again) => this.askSentences(again);
    const prediction = await this.question("sentences", (error) => this.refuseSentences(error, retries));
    if (prediction) this.sentences.show(prediction.sentences);
  }

  /** The prediction of the text asked about; null once `refuse` is told why there is none, or another question came. */
  async question(detail, refuse) {
    this.stop();
    const turn = this.turn;
    const { signal } = (this.controller = new AbortController());
    this.root.setAttribute("aria-busy", "true");
    try {
      const three = this.neutral ? { neutral: true } : {};
      const prediction = await predict({ inputs: this.asked, model: this.model.name, detail, ...three }, signal);
      return turn === this.turn ? prediction : null;
    } catch (error) {
      if (turn !== this.turn) return null;
      if (!(error instanceof ApiError)) throw error;
      refuse(error);
      return null;
    } finally {
      if (turn === this.turn) this.root.setAttribute("aria-busy", "false");
    }
  }

  /** Drop the question that is under way. */
  stop() {
    this.turn++;
    this.controller?.abort();
    clearTimeout(this.timer);
    this.root.setAttribute("aria-busy", "false");
  }

  /** Show nothing, for there is no text. */
  clear() {
    this.stop();
    this.reading = null;
    this.active = -1;
    this.root.dataset.state = "empty";
    this.parts.facts.textContent = "";
    this.text.clear();
    this.sentences.show(null);
  }

  show(reading) {
    const { prediction, additive } = reading;
    this.reading = reading;
    this.active = -1;
    this.root.dataset.state = "read";
    this.root.dataset.label = prediction.label.toLowerCase();
    const { label, score, meter, pin, shares, doubt, facts, readout, chart, spoken } = this.parts;
    label.textContent = prediction.label[0] + prediction.label.slice(1).toLowerCase();
    score.textContent = percent(prediction.score);
    meter.setAttribute("aria-valuenow", (100 * prediction.positive).toFixed(1));
    pin.style.setProperty("--at", prediction.positive);
    const { probabilities } = prediction;
    meter.hidden = Boolean(probabilities);
    shares.hidden = !probabilities;
    if (probabilities) {
      shares.setAttribute("aria-label", Object.entries(probabilities).map(([name, value]) => `${name} ${percent(value)}`).join(", "));
      for (const [name, value] of Object.entries(probabilities)) {
        const part = shares.querySelector(`.${name}`);
        part.style.setProperty("--share", value);
        part.title = `${name} ${percent(value)}`;
      }
    }
    doubt.textContent = this.doubt();
    facts.replaceChildren(...factsOf(prediction).map((fact) => html("li", {}, fact)));
    this.legend(reading);
    spoken.textContent = "";
    readout.replaceChildren(hint(additive));
    chart.setAttribute("aria-valuemax", reading.size);
    chart.setAttribute("aria-valuenow", 1);
    chart.setAttribute("aria-valuetext", "no token chosen");
    this.text.show(reading);
    this.chart.show(reading);
    this.dispatchEvent(new Event("read"));
  }

  /** The verdict as a sentence to be read out. */
  summary() {
    const { label, score } = this.reading.prediction;
    const doubt = this.doubt();
    return `${this.model.name}: ${label.toLowerCase()}, ${percent(score)}${doubt && `, ${doubt}`}`;
  }

  /** That the model does not know, and why; empty if it does, or cannot tell. */
  doubt() {
    const { prediction } = this.reading;
    if (!prediction.uncertain) return "";
    const thresholds = (prediction.probabilities && this.model.neutral?.uncertainty) || this.model.uncertainty;
    return ["uncertain", doubtsOf(prediction, thresholds).join("; ")].filter(Boolean).join(": ");
  }

  legend({ additive, coincides, scale }) {
    const samples = [];
    for (let level = -LEVELS; level <= LEVELS; level += 2) samples.push(html("i", { class: tintClass(level) }));
    const [least, most] = additive ? [signed(-scale), signed(scale)] : ["0\u202f%", "100\u202f%"];
    const swatches = html("span", { class: "swatches", "aria-hidden": "true" }, ...samples);
    const what = additive
      ? "tint: share of the verdict, in log-odds"
      : "tint: prediction read at the token (this model has no contributions)";
    this.parts.legend.replaceChildren(html("span", {}, least), swatches, html("span", {}, most), html("span", { class: "what" }, what));
    this.root.classList.toggle("additive", additive);
    this.root.classList.toggle("coincides", coincides);
  }

  refuse(error, retries) {
    this.reading = null;
    this.active = -1;
    this.root.dataset.state = "refused";
    this.text.clear();
    this.sentences.show(null);
    const { problem, empty } = this.parts;
    if (problem.parentElement !== this.root) empty.after(problem);
    this.explain(error, retries);
  }

  /** Say in the place of the sentences why there are none. */
  refuseSentences(error, retries) {
    this.sentences.refuse(this.parts.problem);
    this.explain(error, retries);
  }

  /** Say what was refused, in the words of the service; where it passes, when it is asked again. */
  explain(error, retries) {
    const { message, wait, later } = this.parts;
    message.textContent = error.message;
    later.hidden = error.retryAfter === null;
    wait.textContent = "";
    if (!later.hidden && retries < RETRIES) this.count(error.retryAfter, retries);
    this.dispatchEvent(new CustomEvent("refused", { detail: error }));
  }

  /** Count the seconds down, then ask again. */
  count(seconds, retries) {
    this.parts.wait.textContent = seconds > 0 ? `Asking again in ${integer(seconds)} s.` : "Asking again.";
    const next = () => (seconds > 0 ? this.count(seconds - 1, retries) : this.repeat(retries + 1));
    this.timer = setTimeout(next, seconds > 0 ? 1000 : 0);
  }

  /** Make a token the active one, here and in the other panels. */
  move(index, { reveal = false, spoken = false } = {}) {
    if (!this.reading) return;
    this.point(index, reveal);
    if (spoken) this.parts.spoken.textContent = this.describe(index);
    const detail = index < 0 ? null : this.reading.prediction.timesteps[index].start;
    this.dispatchEvent(new CustomEvent("cursor", { detail }));
  }

  /** The same, told by another panel: only if this model read the token there. */
  follow(codePoint) {
    if (!this.reading) return;
    const index = codePoint === null ? -1 : tokenAt(this.reading, codePoint);
    const step = this.reading.prediction.timesteps[index];
    this.point(step && codePoint < step.end ? index : -1, true);
  }

  point(index, reveal) {
    if (index === this.active) {
      if (index >= 0 && reveal) this.text.activate(index, true);
      return;
    }
    this.active = index;
    this.text.activate(index, reveal);
    this.chart.activate(index);
    const { chart, readout } = this.parts;
    if (index < 0) {
      readout.replaceChildren(hint(this.reading.additive));
      return;
    }
    chart.setAttribute("aria-valuenow", index + 1);
    chart.setAttribute("aria-valuetext", this.describe(index));
    readout.replaceChildren(...this.values(index));
  }

  values(index) {
    const { token, contribution, running, positive, unknown, read_as: readAs } = this.reading.prediction.timesteps[index];
    const pair = (name, value) => html("div", {}, html("dt", {}, name), html("dd", { class: name.split(" ")[0] }, value));
    const values = [pair(unknown ? "token (unknown)" : "token", token)];
    if (readAs) values.push(pair("read as", readAs));
    if (contribution !== null) {
      values.push(pair("contribution", signed(contribution)), pair("running verdict", percent(running)));
    }
    values.push(pair("positive at this token", percent(positive)));
    return [html("dl", {}, ...values)];
  }

  describe(index) {
    const { token, contribution, running, positive, unknown, read_as: readAs } = this.reading.prediction.timesteps[index];
    const shares =
      contribution === null ? "" : `contribution ${signed(contribution)}, running verdict ${percent(running)} positive, `;
    return `${quoted(token)}${unknown ? ", unknown" : ""}${readAs ? `, read as ${quoted(readAs)}` : ""}: ${shares}at this token ${percent(positive)} positive`;
  }

  walk(event) {
    if (!this.reading || event.ctrlKey || event.altKey || event.metaKey) return;
    const last = this.reading.size - 1;
    const from = this.active;
    const to = {
      ArrowRight: from + 1,
      ArrowDown: from + 1,
      ArrowLeft: from - 1,
      ArrowUp: from - 1,
      PageDown: from + PAGE,
      PageUp: from - PAGE,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Escape") this.move(-1);
    if (to === undefined) return;
    event.preventDefault();
    this.move(Math.max(0, Math.min(last, to)), { reveal: true, spoken: event.currentTarget === this.parts.text });
  }

  /** Go to a sentence: mark it in text and chart, make its first token the active one. */
  jump(sentence) {
    const { timesteps } = this.reading.prediction;
    let first = Math.max(0, tokenAt(this.reading, sentence.start));
    if (timesteps[first].start < sentence.start) first++; // its own beginning was left out
    const last = tokenAt(this.reading, sentence.end - 1) + 1;
    this.move(first, { reveal: true, spoken: true });
    this.text.mark(first, last);
    this.chart.mark(first, last);
    this.parts.text.focus({ preventScroll: true });
    this.parts.text.scrollIntoView({ block: "nearest" });
  }
}

/** What is beyond the thresholds of the model; none are known where it was replaced since the page asked for them. */
function doubtsOf(prediction, thresholds) {
  const { unknown_tokens, tokens_used, tokens_total } = prediction;
  const doubts = [];
  const unread = 1 - tokens_used / tokens_total;
  const rate = thresholds?.unread_rate ?? Infinity;
  const least = (thresholds?.lengths ?? []).find(({ max_tokens }) => tokens_total <= max_tokens) ?? thresholds;
  const needed = least && least.confidence + (1 - least.confidence) * (unread / rate);
  if (unread > rate) doubts.push(`more than ${share(rate)} of the tokens unread`);
  else if (confidenceOf(prediction) < needed) doubts.push(`less than ${share(needed)} sure`);
  if (unknown_tokens / tokens_used > thresholds?.unknown_rate) {
    doubts.push(`more than ${share(thresholds.unknown_rate)} of the tokens unknown`);
  }
  return doubts;
}

/** The label's share in its probability and the next label's; with two labels, the probability itself. */
function confidenceOf({ score, probabilities }) {
  if (!probabilities) return score;
  const [first, second] = Object.values(probabilities).sort((one, other) => other - one);
  return first / (first + second);
}

function factsOf(prediction) {
  const { tokens_total, tokens_used, unknown_tokens, truncated, logit, bias } = prediction;
  const facts = [
    truncated
      ? `${integer(tokens_used)} of ${counted(tokens_total, "token")} read`
      : `${counted(tokens_total, "token")}${tokens_total === 1 ? "" : ", all read"}`,
  ];
  if (unknown_tokens) facts.push(`${integer(unknown_tokens)} unknown`);
  const contributions = prediction.timesteps[0].contribution === null ? "" : ` = ${signed(bias)} bias ${sum(logit - bias)}`;
  facts.push(`log-odds ${signed(logit)}${contributions}`);
  return facts;
}

function sum(value) {
  return `${value < 0 ? "\u2212" : "+"} ${Math.abs(value).toFixed(2)} contributions`;
}

function hint(additive) {
  const what = additive ? "its share and the verdict so far" : "what the model reads there";
  return html("p", {}, `Point at a word or at the chart to see ${what}; with the keyboard, arrow keys walk.`);
}
