"use strict";
// Copies a text or a link; the buttons show themselves where this runs.

function readied(within) {
  for (const button of within.querySelectorAll("button.copy")) button.hidden = !navigator.clipboard;
}

// The text alone, without the labels of its steps.
function textOf(source) {
  const parts = source.querySelectorAll(".text, .gap");
  return parts.length ? Array.from(parts, (part) => part.textContent).join("") : source.textContent;
}

document.addEventListener("DOMContentLoaded", () => readied(document));
document.addEventListener("htmx:load", (event) => readied(event.target));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(source.href || textOf(source));
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser refused";
  }
  setTimeout(() => { button.textContent = words; }, 1500);
});
