/* Command lines that ask what the pages are about. */

import { address } from "./api.js";

/** Linux takes no single argument of 128 KiB or more. */
const LARGEST_ARGUMENT = 100_000;

/**
 * @param {{inputs: string, model: string}} document the body
 * @param {boolean} withKey whether the service wants a key; it is named, not shown
 * @returns {string} a command for a POSIX shell
 */
export function command(document, withKey) {
  return request("predict", withKey, document);
}

/**
 * @param {string} route relative to the page, its parameters filled in
 * @param {boolean} withKey
 * @param {object} [document] the JSON body to post; without one it is a GET
 * @returns {string} a command for a POSIX shell
 */
export function request(route, withKey, document) {
  const start = `curl -s ${quote(address(route))}`;
  const key = withKey ? ' \\\n  -H "authorization: Bearer $SENTILINE_KEY"' : "";
  if (document === undefined) return start + key;
  return `${start} -H 'content-type: application/json'${key} \\\n  ${data(JSON.stringify(document))}`;
}

function data(body) {
  if (new TextEncoder().encode(body).length < LARGEST_ARGUMENT) return `-d ${quote(body)}`;
  return `--data-binary @- <<'END'\n${body}\nEND`;
}

/** A word of a POSIX shell; in single quotes only the quote itself has a meaning. */
export function quote(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
