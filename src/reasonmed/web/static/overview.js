"use strict";
// A page that follows a run is replaced again and again: what a person has opened, scrolled and focused stays so.
(() => {
  const names = "#overview a, #overview summary, #overview [tabindex]";
  const nameOf = (node) => node.getAttribute("href") || node.parentElement.id || node.getAttribute("aria-label");
  const read = () => [...document.querySelectorAll("#overview h2")].find((one) => one.getBoundingClientRect().top >= 0);
  let kept = null;

  document.addEventListener("htmx:beforeSwap", () => {
    const focused = document.activeElement?.matches(names) ? document.activeElement : null;
    kept = {
      open: [...document.querySelectorAll("#overview details[open]")].map((one) => one.id),
      left: new Map([...document.querySelectorAll("#overview .scroll")].map((one) => [one.ariaLabel, one.scrollLeft])),
      focused: focused && nameOf(focused),
      read: read()?.id,
      top: read()?.getBoundingClientRect().top,
    };
  });

  document.addEventListener("htmx:afterSwap", () => {
    if (!kept) return;
    for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
    for (const one of document.querySelectorAll("#overview .scroll")) one.scrollLeft = kept.left.get(one.ariaLabel) ?? 0;
    const again = kept.focused && [...document.querySelectorAll(names)].find((one) => nameOf(one) === kept.focused);
    if (again) again.focus({ preventScroll: true });
    const heading = kept.read && document.getElementById(kept.read);
    if (heading && window.scrollY > 0) window.scrollBy(0, heading.getBoundingClientRect().top - kept.top);
    kept = null;
  });
})();
