/* The scheme that was chosen with the button, applied before anything is drawn; a classic script, for that reason. */
"use strict";
(() => {
  try {
    const chosen = localStorage.getItem("sentiline-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // storage is switched off: the system's scheme it is
  }
})();
