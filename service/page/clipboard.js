/* Copying with a button that says how it went. */

/** Milliseconds for which it says so. */
const SHOWN = 1600;

export async function copy(button, text) {
  const name = (button.dataset.name ??= button.textContent);
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Could not copy";
  }
  setTimeout(() => (button.textContent = name), SHOWN);
}
