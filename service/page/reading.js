/* From a prediction to what is drawn: spans in UTF-16 units, tints, the place where tokens were left out. No DOM. */

import { utf16Offsets } from "./codepoints.js";

/** Number of tints of each sign. */
export const LEVELS = 8;

/** A contribution this large is the least that gets the strongest tint: nothing is blown up out of noise. */
const SMALLEST_SCALE = 0.05;

/** What of a text can belong to a token. */
const TOKEN_CHARACTERS = /[\p{L}\p{N}\p{S}!?*]/gu;

/**
 * @typedef {object} Reading
 * @property {string} text
 * @property {object} prediction as the service answered it
 * @property {number} size number of tokens read
 * @property {Uint32Array} starts of the tokens in UTF-16 units
 * @property {Uint32Array} ends
 * @property {boolean} additive whether there are contributions; if not, tints show each token's own reading
 * @property {boolean} coincides whether the model's reading at every token is the running verdict: one that only
 *   looks back
 * @property {Float64Array} values what is tinted: contribution, or positive - 0.5
 * @property {number} scale the value that gets the strongest tint
 * @property {Int8Array} levels -LEVELS … LEVELS
 * @property {{before: number, start: number, end: number} | null} leftOut text that the model did not read: it lies
 *   before the token of this index; start and end in UTF-16 units
 */

/**
 * @param {string} text as sent
 * @param {object} prediction with timesteps
 * @returns {Reading}
 */
export function makeReading(text, prediction) {
  const steps = prediction.timesteps;
  const size = steps.length;
  const offset = utf16Offsets(text);
  const starts = Uint32Array.from(steps, (step) => offset(step.start));
  const ends = Uint32Array.from(steps, (step) => offset(step.end));
  const additive = size > 0 && steps[0].contribution !== null;
  const values = Float64Array.from(steps, (step) => (additive ? step.contribution : step.positive - 0.5));
  const scale = additive ? values.reduce((largest, value) => Math.max(largest, Math.abs(value)), SMALLEST_SCALE) : 0.5;
  const levels = Int8Array.from(values, (value) => level(value, scale));
  const coincides = additive && steps.every(({ positive, running }) => Math.abs(positive - running) < 1e-4);
  const reading = { text, prediction, size, starts, ends, additive, coincides, values, scale, levels };
  return { ...reading, leftOut: prediction.truncated ? leftOut(reading) : null };
}

/** The tint of a value: sign and strength; the exponent keeps weak ones apart. */
export function level(value, scale) {
  return Math.sign(value) * Math.round(LEVELS * Math.min(1, Math.abs(value) / scale) ** 0.75);
}

/** The token at or before a code point; -1 if the text has none there. */
export function tokenAt(reading, codePoint) {
  const steps = reading.prediction.timesteps;
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle].start <= codePoint) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The policies leave out one stretch: the beginning, the end or the middle. Which, is seen from what is there. */
function leftOut({ text, starts, ends, size }) {
  let best = { before: 0, start: 0, end: 0 };
  let most = -1;
  for (const before of [0, size - (size >> 1), size]) {
    const start = before ? ends[before - 1] : 0;
    const end = before < size ? starts[before] : text.length;
    const count = text.slice(start, end).match(TOKEN_CHARACTERS)?.length ?? 0;
    if (count > most) {
      most = count;
      best = { before, start, end };
    }
  }
  const stretch = text.slice(best.start, best.end);
  const end = best.start + stretch.trimEnd().length;
  return { before: best.before, start: end - stretch.trim().length, end };
}
