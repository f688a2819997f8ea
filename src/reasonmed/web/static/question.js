"use strict";
// Copies a text or a link; the buttons show themselves where this runs.

const MOST_MARKS = 2000;

function readied(within) {
  for (const button of within.querySelectorAll("button.copy")) button.hidden = !navigator.clipboard;
}

// The text alone, without the labels of its steps.
function textOf(source) {
  const parts = source.querySelectorAll(".text, .gap");
  return parts.length ? Array.from(parts, (part) => part.textContent).join("") : source.textContent;
}

// Marks the words that the list was searched for, where the browser can do so without a change to the page.
function marked() {
  const asked = new URLSearchParams(location.search).get("q") || "";
  const words = Array.from(asked.matchAll(/(?:^|\s)(?:"([^"]+)"?|([^\s"-]\S*))/g), (one) => one[1] || one[2].replace(/\*+$/, ""));
  if (!words.length || !CSS.highlights) return;
  const sought = new RegExp(words.map((one) => one.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "giu");
  const ranges = [];
  for (const part of document.querySelectorAll("main .text")) {
    const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    while (texts.nextNode() && ranges.length < MOST_MARKS) {
      for (const found of texts.currentNode.data.matchAll(sought)) {
        const range = new Range();
        range.setStart(texts.currentNode, found.index);
        range.setEnd(texts.currentNode, found.index + found[0].length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("sought", new Highlight(...ranges));
}

document.addEventListener("DOMContentLoaded", () => { readied(document); marked(); });
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
