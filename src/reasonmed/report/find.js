"use strict";
// Search within a page: shows whatever has all the words and filters, hides the rest. Without it everything is shown.
(() => {
  const bar = document.querySelector(".finder");
  if (!bar) return;
  const input = bar.querySelector("input"), said = bar.querySelector("[role=status]");
  const items = [...document.querySelectorAll(bar.dataset.items)];
  const parts = [...document.querySelectorAll("section.part")]
    .map((part) => ({ part, own: items.filter((item) => part.contains(item)) }));
  const number = (count) => count.toLocaleString("en-US");
  const plain = (text) => {
    const low = text.toLowerCase();
    return /^[\x00-\x7f]*$/.test(low) ? low : low.normalize("NFKD").replace(/\p{M}/gu, "");
  };
  const headOf = (part) => part?.querySelector("h2")?.textContent ?? "";

  const texts = new Array(items.length);
  const textOf = (place) => texts[place] ??= plain(`${headOf(items[place].closest("section.part"))}\n${items[place].textContent}`);
  const warm = (place, deadline) => {
    while (place < items.length && deadline.timeRemaining() > 2) textOf(place++);
    if (place < items.length) requestIdleCallback((next) => warm(place, next));
  };
  requestIdleCallback((deadline) => warm(0, deadline));

  // Filters: one for each kind of value that tells items apart.
  const valuesOf = items.map((item) => JSON.parse(item.dataset.facets ?? "{}"));
  const filters = {};
  for (const [facet, label] of Object.entries(JSON.parse(bar.dataset.labels ?? "{}"))) {
    const counts = new Map();
    for (const values of valuesOf) for (const value of values[facet] ?? []) counts.set(value, (counts.get(value) ?? 0) + 1);
    if (![...counts.values()].some((count) => count < items.length)) continue;
    const select = document.createElement("select");
    select.ariaLabel = label;
    select.append(new Option(`${label}: any`, ""));
    for (const [value, count] of [...counts].sort((one, other) => other[1] - one[1]))
      select.append(new Option(`${value.replaceAll("_", " ")} (${number(count)})`, value));
    bar.querySelector(".filters").append(select);
    filters[facet] = select;
  }

  const sought = () => [...input.value.matchAll(/(-?)(?:"([^"]*)"?|(\S+))/g)]
    .map(([, minus, phrase, word]) => ({ wanted: !minus, text: plain(phrase ?? word.replace(/\*$/, "")) }))
    .filter((one) => one.text);
  const has = (text, words) => words.every((one) => text.includes(one.text) === one.wanted);
  const chosen = () => Object.entries(filters).filter(([, select]) => select.value);

  const find = () => {
    const words = sought(), picked = chosen();
    let shown = 0;
    items.forEach((item, place) => {
      const fits = picked.every(([facet, select]) => valuesOf[place][facet]?.includes(select.value))
        && (!words.length || has(textOf(place), words));
      shown += fits;
      const box = item.closest("[role=listitem]") ?? item;
      if (box.hidden === fits) box.hidden = !fits;
    });
    for (const { part, own } of parts) {
      part.hidden = words.length > 0
        && !(own.length ? own.some((item) => !item.hidden) : has(plain(part.textContent), words));
    }
    const all = `${number(items.length)} ${bar.dataset.noun}`;
    said.textContent = words.length || picked.length ? `${number(shown)} of ${all}` : all;
  };

  // What an address points at is opened; "#questions?tier=easy" sets the filters.
  const follow = () => {
    const [place, asked] = location.hash.slice(1).split("?");
    if (asked !== undefined) {
      const wanted = new URLSearchParams(asked);
      input.value = wanted.get("q") ?? "";
      for (const [facet, select] of Object.entries(filters)) {
        select.value = wanted.get(facet) ?? "";
        if (select.selectedIndex < 0) select.value = "";
      }
      find();
    }
    const target = place && document.getElementById(place);
    if (!target) return;
    if (target.closest("[hidden]")) {
      input.value = "";
      for (const select of Object.values(filters)) select.value = "";
      find();
    }
    const folded = target.closest("details");
    if (folded) folded.open = true;
    target.scrollIntoView();
  };

  bar.addEventListener("input", find);
  addEventListener("hashchange", follow);
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
    input.focus();
    event.preventDefault();
  });
  bar.hidden = false;
  find();
  follow();
})();
