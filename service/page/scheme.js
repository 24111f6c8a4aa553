/* The button for light or dark; theme.js applies what was chosen with it when a page is opened. */

/** @param {HTMLButtonElement} button */
export function switchScheme(button) {
  const show = () => button.setAttribute("aria-pressed", String(dark()));
  button.addEventListener("click", () => {
    const next = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    show();
    try {
      localStorage.setItem("sentiline-theme", next);
    } catch {
      // it lasts until the page is left, then
    }
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
}
