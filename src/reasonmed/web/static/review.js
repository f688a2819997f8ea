"use strict";
// Keys and drafts of a review; every vote can be cast without it.

const ballot = document.querySelector("#ballot");
const keys = document.querySelector("#keys");
const saved = document.querySelector("#saved");
let timer = 0;
let unsaved = false;
let cast = false;

function say(text) {
  if (saved) saved.textContent = text;
}

async function keepDraft() {
  clearTimeout(timer);
  if (!unsaved || cast) return;
  unsaved = false;
  try {
    const body = new URLSearchParams(new FormData(ballot));
    const answer = await fetch(ballot.dataset.draft, { method: "POST", body, keepalive: true });
    say(answer.ok ? "Draft kept" : `Draft not kept: ${await answer.text()}`);
  } catch {
    say("Draft not kept: the viewer does not answer");
  }
}

function press(id) {
  const button = document.getElementById(id);
  if (button) button.click();
}

function saysWhy() {
  const filled = ["error_type", "reason"].some((id) => document.getElementById(id).value.trim());
  return filled || ballot.querySelector(".mark:checked, [name=key_is_wrong]:checked, [name=ambiguous]:checked");
}

function reject() {
  if (saysWhy()) return press("reject");
  document.getElementById("error_type").focus();
  say("Say why, then Ctrl Enter; or mark a step");
}

function edit() {
  document.getElementById("edit").open = true;
  document.getElementById("text").focus();
}

function moveAmongSteps(from, by) {
  const marks = [...ballot.querySelectorAll(".mark")];
  const next = marks[Math.min(Math.max(marks.indexOf(from) + by, 0), marks.length - 1)];
  if (next) next.focus();
}

const actions = {
  1: () => press("accept"),
  2: reject,
  e: edit,
  d: () => press("defer"),
  s: () => moveAmongSteps(null, 1),
};

function castFromField(field) {
  if (field.closest("#edit")) ballot.querySelector("#edit button").click();
  else if (field.id === "note" || field.id === "key") field.blur();
  else reject();
}

document.addEventListener("keydown", (event) => {
  if (keys && keys.open) return;
  const field = event.target.closest("textarea, select, input:not([type=checkbox])");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && ballot && field) {
    event.preventDefault();
    castFromField(field);
    return;
  }
  if (event.key === "Escape" && field) field.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || field) return;
  if (ballot && event.target.matches(".mark") && /^Arrow(Up|Down)$/.test(event.key)) {
    event.preventDefault();
    moveAmongSteps(event.target, event.key === "ArrowDown" ? 1 : -1);
    return;
  }
  const action = {
    ...(ballot ? actions : {}),
    u: () => document.querySelector("#undo button")?.click(),
    n: () => press("next"),
    "?": () => keys?.showModal(),
  }[event.key.toLowerCase()];
  if (action) {
    event.preventDefault();
    action();
  }
});

if (ballot) {
  ballot.addEventListener("input", () => {
    unsaved = true;
    say("");
    clearTimeout(timer);
    timer = setTimeout(keepDraft, 600);
  });
  ballot.addEventListener("submit", (event) => {
    if (cast) { event.preventDefault(); return; }
    cast = true;
    clearTimeout(timer);
  });
  document.getElementById("edit-button").addEventListener("click", (event) => {
    event.preventDefault();
    edit();
  });
  addEventListener("pagehide", keepDraft);
  addEventListener("pageshow", () => { cast = false; });
  const open = document.getElementById("show-keys");
  open.hidden = false;
  open.addEventListener("click", () => keys.showModal());
}

const first = document.getElementById(ballot?.dataset.field ?? "") ?? document.getElementById("next")
  ?? document.getElementById("place");
if (first) first.focus();
