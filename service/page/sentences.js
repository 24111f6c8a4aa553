/* The sentences of a text, those that moved the verdict most first. */

import { html } from "./element.js";
import { integer, signed } from "./format.js";

/** Sentences shown at first, and how many more each press of the button shows. */
const FIRST = 5;
const MORE = 50;

/** Characters of a sentence that are shown; the jump leads to the rest. */
const LONGEST = 240;

export class Sentences {
  /**
   * @param {HTMLElement} root holds a list and a button
   * @param {(sentence: object) => void} onChoose told the sentence to jump to
   */
  constructor(root, onChoose) {
    this.root = root;
    this.list = root.querySelector("ol");
    this.more = root.querySelector(".more");
    this.note = root.querySelector(".note");
    this.onChoose = onChoose;
    this.more.addEventListener("click", () => this.add(MORE));
  }

  /** @param {object[] | null} sentences as the service answered them; null for none */
  show(sentences) {
    const read = (sentences ?? []).filter((sentence) => sentence.contribution !== null && sentence.tokens_used > 0);
    this.ranked = read.sort((one, other) => Math.abs(other.contribution) - Math.abs(one.contribution));
    this.scale = Math.max(1e-9, ...this.ranked.slice(0, 1).map((sentence) => Math.abs(sentence.contribution)));
    this.list.replaceChildren();
    this.root.hidden = this.ranked.length === 0;
    delete this.root.dataset.state;
    const unread = (sentences ?? []).filter((sentence) => sentence.tokens_used === 0);
    const tokens = unread.reduce((sum, sentence) => sum + sentence.tokens_total, 0);
    this.note.textContent = tokens ? `more left out, of ${integer(tokens)} tokens` : "";
    this.add(FIRST);
  }

  /** @param {HTMLElement} problem says why there are none; taken to their place */
  refuse(problem) {
    this.show(null);
    this.root.hidden = false;
    this.root.dataset.state = "refused";
    if (problem.parentElement !== this.root) this.root.append(problem);
  }

  add(count) {
    const shown = this.list.childElementCount;
    for (const sentence of this.ranked.slice(shown, shown + count)) this.list.append(this.item(sentence));
    const rest = this.ranked.length - this.list.childElementCount;
    this.more.hidden = rest === 0;
    this.more.textContent = `Show ${integer(Math.min(MORE, rest))} more of ${integer(rest)}`;
  }

  item(sentence) {
    const { contribution } = sentence;
    const side = contribution >= 0 ? "positive" : "negative";
    const fill = html("span", { class: `fill ${side}` });
    fill.style.setProperty("--share", Math.abs(contribution) / this.scale);
    const text = sentence.sentence.replace(/\s+/g, " ");
    const shown = [...text.slice(0, 2 * LONGEST)].slice(0, LONGEST).join("");
    const button = html(
      "button",
      { type: "button", class: "sentence" },
      html("span", { class: "bar", "aria-hidden": "true" }, fill),
      html("span", { class: "value" }, signed(contribution)),
      html("span", { class: "words", dir: "auto" }, shown.length < text.length ? `${shown}\u2026` : text),
    );
    button.addEventListener("click", () => this.onChoose(sentence));
    return html("li", {}, button);
  }
}
