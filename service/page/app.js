/* The page: the text, the models, what happens when they change. */

import { ApiError, hasKey, info, setKey } from "./api.js";
import { copy } from "./clipboard.js";
import { countCodePoints } from "./codepoints.js";
import { command } from "./curl.js";
import { html } from "./element.js";
import { EXAMPLES } from "./examples.js";
import { integer } from "./format.js";
import { Panel } from "./panel.js";
import { switchScheme } from "./scheme.js";

/** Milliseconds without a key stroke after which the text is asked about; and the longest that typing delays it. */
const PAUSE = 120;
const LONGEST_PAUSE = 600;

/** Milliseconds after which a verdict that stays is read out. */
const SETTLED = 700;

const byId = (id) => document.getElementById(id);
const review = byId("review");
const selects = [byId("model"), byId("beside")];
const panels = [];
let models = new Map();
let limit = Infinity;
let pause, since, settled;
let fromLink = true;

class Shown {
  /** The text and the models that the address names after its #, which no server gets to see. */
  static fromAddress() {
    const fields = new URLSearchParams(location.hash.slice(1));
    return { text: fields.get("text"), model: fields.get("model"), beside: fields.get("beside"), neutral: fields.has("neutral") };
  }

  static address() {
    const fields = new URLSearchParams({ text: review.value, model: selects[0].value });
    if (selects[1].value) fields.set("beside", selects[1].value);
    if (byId("neutral").checked) fields.set("neutral", "1");
    const here = new URL(location.href);
    here.hash = fields;
    return here.href;
  }
}

start();

async function start() {
  const { text } = Shown.fromAddress();
  if (!review.value) review.value = text ?? EXAMPLES[0].text; // a browser that goes back brings its own text
  listen();
  count();
  await connect();
}

function listen() {
  review.addEventListener("input", () => changed());
  for (const select of selects) select.addEventListener("change", () => arrange());
  byId("neutral").addEventListener("change", () => arrange(true));
  byId("clear").addEventListener("click", () => {
    review.value = "";
    review.focus();
    changed(0);
  });
  const chips = EXAMPLES.map((example) => {
    const chip = html("button", { type: "button", class: "chip" }, example.name);
    chip.addEventListener("click", () => take(example));
    return html("li", {}, chip);
  });
  byId("examples").replaceChildren(...chips);
  byId("copy").addEventListener("click", (event) => copy(event.currentTarget, curl()));
  byId("share").addEventListener("click", (event) => copy(event.currentTarget, Shown.address()));
  switchScheme(byId("theme"));
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    setKey(byId("key").value.trim());
    byId("key-form").hidden = true;
    connect();
  });
  byId("reconnect").addEventListener("click", connect);
  window.addEventListener("hashchange", () => {
    const { text, model, beside, neutral } = Shown.fromAddress();
    if (text === null) return;
    byId("neutral").checked = neutral;
    review.value = text;
    if (models.has(model)) selects[0].value = model;
    selects[1].value = models.has(beside) ? beside : "";
    arrange(true);
    changed(0);
  });
}

/** Get the models and the limits, then ask about the text. */
async function connect() {
  byId("offline").hidden = true;
  let described;
  try {
    described = await info();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    refused(error);
    if (error.status !== 401) {
      byId("offline-message").textContent = error.message;
      byId("offline").hidden = false;
    }
    return;
  }
  limit = described.limits.max_text_characters;
  models = new Map(described.models.map((model) => [model.name, model]));
  const asked = fromLink ? Shown.fromAddress() : {};
  const before = selects.map((select) => select.value);
  fromLink = false;
  byId("neutral").checked ||= Boolean(asked.neutral);
  byId("neutral").parentElement.hidden = ![...models.values()].some((model) => model.neutral);
  fill(selects[0], [], asked.model || before[0] || described.default);
  fill(selects[1], [html("option", { value: "" }, "no other")], asked.beside || before[1] || "");
  count();
  arrange(true);
}

function fill(select, options, chosen) {
  for (const { name, state } of models.values()) {
    const option = html("option", { value: name }, state === "unusable" ? `${name} (cannot be used)` : name);
    option.disabled = state === "unusable";
    options.push(option);
  }
  select.replaceChildren(...options);
  select.disabled = false;
  if (models.has(chosen)) select.value = chosen;
}

/** A panel for each chosen model. */
function arrange(again = false) {
  const names = selects.map((select) => select.value).filter(Boolean);
  while (panels.length > names.length) {
    const panel = panels.pop();
    panel.stop();
    panel.root.remove();
  }
  while (panels.length < names.length) panels.push(makePanel());
  byId("readings").dataset.count = names.length;
  byId("neutral").disabled = !names.some((name) => models.get(name)?.neutral);
  panels.forEach((panel, index) => {
    if (!again && panel.model?.name === names[index]) return;
    panel.choose(models.get(names[index]), byId("neutral").checked);
    if (review.value.trim()) panel.ask(review.value);
    else panel.clear();
  });
  showCommand();
}

function makePanel() {
  const panel = new Panel(byId("reading"));
  panel.addEventListener("cursor", ({ detail }) => {
    for (const other of panels) if (other !== panel) other.follow(detail);
  });
  panel.addEventListener("refused", ({ detail }) => refused(detail));
  panel.addEventListener("read", announce);
  byId("readings").append(panel.root);
  return panel;
}

/** Ask once the typing pauses, but not seldom while it goes on. */
function changed(delay = PAUSE) {
  count();
  clearTimeout(pause);
  since ??= performance.now();
  pause = setTimeout(ask, Math.max(0, Math.min(delay, since + LONGEST_PAUSE - performance.now())));
}

function ask() {
  since = undefined;
  for (const panel of panels) {
    if (review.value.trim()) panel.ask(review.value);
    else panel.clear();
  }
  showCommand();
}

function take(example) {
  review.value = example.text;
  review.scrollTop = 0;
  const [model, beside] = example.models ?? [];
  if (models.has(model)) selects[0].value = model;
  if (models.has(beside)) selects[1].value = beside;
  arrange();
  changed(0);
}

function count() {
  const length = countCodePoints(review.value);
  const over = length > limit;
  const most = limit < Infinity && length > limit / 2 ? ` of ${integer(limit)}` : "";
  byId("count").textContent = `${integer(length)}${most} characters`;
  byId("count").classList.toggle("over", over);
}

function curl() {
  const model = selects[0].value;
  const three = byId("neutral").checked && models.get(model)?.neutral ? { neutral: true } : {};
  return command({ inputs: review.value, model, ...three }, hasKey());
}

/** The command, without the middle of a long text; what is copied has all of it. */
function showCommand() {
  const whole = curl();
  byId("command").textContent = whole.length > 1500 ? `${whole.slice(0, 900)}\u2026 ${whole.slice(-300)}` : whole;
}

/** A refusal for want of a key brings up the field for one. */
function refused(error) {
  if (error.status !== 401) return;
  byId("key-message").textContent = error.message;
  byId("key-form").hidden = false;
  byId("key").focus();
}

/** Read the verdicts out once they stay. */
function announce() {
  clearTimeout(settled);
  settled = setTimeout(() => {
    const verdicts = panels.filter((panel) => panel.reading).map((panel) => panel.summary());
    byId("verdicts").textContent = verdicts.join("; ");
  }, SETTLED);
}
