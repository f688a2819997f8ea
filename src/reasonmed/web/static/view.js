"use strict";
// What makes pages quicker by keyboard; everything works without it.

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
  if (event.key === "/") {
    const words = document.querySelector("#words");
    if (words) { words.focus(); event.preventDefault(); }
  }
  const way = { ArrowLeft: "prev", k: "prev", ArrowRight: "next", j: "next" }[event.key];
  const link = way && document.querySelector(`a[rel=${way}]`);
  if (link) link.click();
});

// Words that were typed before htmx listened are searched for once it does.
document.addEventListener("htmx:load", () => {
  const words = document.querySelector("#words");
  if (words && words.value !== words.defaultValue) words.dispatchEvent(new Event("change", { bubbles: true }));
}, { once: true });
