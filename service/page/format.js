/* Numbers and tokens as people read them. */

const INTEGER = new Intl.NumberFormat("en");

/** 12345 → "12,345" */
export function integer(value) {
  return INTEGER.format(value);
}

/** "1 token", "2 tokens" */
export function counted(value, noun) {
  return `${integer(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** 0.9612 → "96.1 %"; never says 0 or 100, which no model is */
export function percent(probability) {
  const value = 100 * probability;
  if (value > 99.95) return "> 99.9\u00a0%";
  if (value < 0.05) return "< 0.1\u00a0%";
  return `${value.toFixed(1)}\u00a0%`;
}

/** 0.87654 → "87.65 %"; a value that was set, as exact as it need be */
export function share(value) {
  return `${Number((100 * value).toPrecision(4))}\u00a0%`;
}

/** -1.234 → "−1.23" */
export function signed(value) {
  const digits = Math.abs(value).toFixed(2);
  if (Number(digits) === 0) return "0.00";
  return (value < 0 ? "\u2212" : "+") + digits;
}

/** A token in a sentence, not longer than a line of it. */
export function quoted(token) {
  const characters = [...token];
  return `\u201c${characters.length > 40 ? `${characters.slice(0, 40).join("")}\u2026` : token}\u201d`;
}
