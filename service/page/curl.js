/* The command line that asks what the page asks. */

import { address } from "./api.js";

/** Linux takes no single argument of 128 KiB or more. */
const LARGEST_ARGUMENT = 100_000;

/**
 * @param {{inputs: string, model: string}} document the body
 * @param {boolean} withKey whether the service wants a key; it is named, not shown
 * @returns {string} a command for a POSIX shell
 */
export function command(document, withKey) {
  const key = withKey ? ' \\\n  -H "authorization: Bearer $SENTILINE_KEY"' : "";
  const start = `curl -s ${quote(address("predict"))} -H 'content-type: application/json'${key} \\\n  `;
  const body = JSON.stringify(document);
  if (new TextEncoder().encode(body).length < LARGEST_ARGUMENT) return `${start}-d ${quote(body)}`;
  return `${start}--data-binary @- <<'END'\n${body}\nEND`;
}

/** A word of a POSIX shell; in single quotes only the quote itself has a meaning. */
export function quote(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
