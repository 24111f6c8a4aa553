/* Asks the service. What it refuses becomes an ApiError with its own sentence. */

const KEY = "sentiline-key";

/** A refusal of the service, or no answer at all (status 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {number | null} retryAfter seconds after which to ask again; null if asking again is no use
   */
  constructor(status, message, retryAfter = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** The URL of a route: above this file's own, whatever path prefix a proxy has added. */
export function address(route) {
  return new URL(route, new URL("../../", import.meta.url)).href;
}

/** Whether a key is set; it lives as long as the tab. */
export function hasKey() {
  return Boolean(stored());
}

export function setKey(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    memory = key;
  }
}

let memory = "";

function stored() {
  try {
    return sessionStorage.getItem(KEY) || memory;
  } catch {
    return memory;
  }
}

/** GET /info: models and limits. */
export function info() {
  return ask("info", {});
}

/** GET /openapi.json: every route. */
export function openapi() {
  return ask("openapi.json", {});
}

/**
 * POST /predict for one text.
 *
 * @param {{inputs: string, model: string, detail: string}} document
 * @param {AbortSignal} signal
 * @returns {Promise<object>} its prediction
 */
export async function predict(document, signal) {
  const answer = await ask("predict", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(document),
    signal,
  });
  return { version: answer.version, ...answer.predictions[0] };
}

async function ask(route, options) {
  const headers = { accept: "application/json", ...options.headers };
  const key = stored();
  if (key) headers.authorization = `Bearer ${key}`;
  let answer, body;
  try {
    answer = await fetch(address(route), { ...options, headers, cache: "no-store", redirect: "error" });
    body = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, `there is no answer from ${location.host}; is the service running?`, 3);
  }
  const document = parsed(body);
  if (answer.ok && document) return document;
  const message = document?.error ?? `the answer has status ${answer.status} and is not one of the service's`;
  throw new ApiError(answer.status, message, seconds(answer, document));
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** `Retry-After` in seconds; overload and a proxy's errors pass, so the page asks again without the header too. */
function seconds(answer, document) {
  const after = Number.parseInt(answer.headers.get("retry-after") ?? "", 10);
  if (after >= 0) return Math.max(1, after);
  if (answer.status > 501 && !document?.error_type) return 3; // a proxy that does not reach the service
  return answer.status === 429 ? 1 : null;
}
