"use strict";
// The page of a pack: one text at a time, votes by keyboard, kept in this browser, saved as a file.
// Texts of models and files go in by textContent alone.

const $ = (id) => document.getElementById(id);
const pack = JSON.parse($("pack").textContent);
const KEY = `reasonmed-pack-${pack.pack}`;
const WORDS = { accept: "accepted", reject: "rejected", edit: "edited", defer: "deferred" };
const fresh = () => ({ name: "", role: "", place: 0, votes: [], drafts: {}, saved: "" });
let state = loaded();
let keeps = true;

function loaded() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    if (found && Array.isArray(found.votes) && pack.texts[found.place]) return { ...fresh(), ...found };
  } catch { /* nothing was kept, or this browser keeps nothing */ }
  return fresh();
}

function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
    keeps = true;
  } catch {
    keeps = false;
  }
  showKept();
}

const current = () => pack.texts[state.place];
const voteOn = (text) => state.votes.findLast((vote) => vote.target === text.target);
const draftOf = (text) => state.drafts[text.target] || voteOn(text) || {};

// What is shown

function element(tag, text, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  made.textContent = text;
  return made;
}

function choices(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, words]) => element("option", words, { value })));
  select.value = chosen || "";
}

const typed = () => [["", "choose, if one fits"], ...Object.entries(pack.types)];

function showKept() {
  const count = new Set(state.votes.map((vote) => vote.target)).size;
  const unsaved = count > 0 && state.saved !== JSON.stringify(lastVotes());
  $("kept").textContent = !keeps ? "This browser keeps nothing: save your votes before you close the page"
    : !count ? "" : unsaved ? "Kept in this browser, not saved as a file yet" : "Saved as a file";
  $("save").disabled = !count;
  $("undo").disabled = !state.votes.length;
  $("as-text").value = count ? document_() : "";
}

function showPlace() {
  $("place").textContent = state.name ? `${state.place + 1} of ${pack.texts.length}` : "";
  $("jump-row").hidden = !state.name;
  choices($("jump"), pack.texts.map((text, place) => {
    const vote = voteOn(text);
    return [String(place), `${place + 1}: ${vote ? WORDS[vote.decision] : "no vote"}`];
  }), String(state.place));
}

function part(id, text) {
  $(`${id}-part`).hidden = text == null;
  $(id).textContent = text ?? "";
}

function show(focus = true) {
  for (const id of ["start", "review", "done"]) $(id).hidden = true;
  for (const id of ["more", "help", "save"]) $(id).hidden = !state.name;
  showKept();
  showPlace();
  if (!state.name) {
    $("start").hidden = false;
    return;
  }
  $("review").hidden = false;
  $("earlier").disabled = state.place === 0;
  $("later").disabled = state.place === pack.texts.length - 1;
  const text = current();
  $("title").textContent = `Text ${state.place + 1}`;
  $("stem").textContent = text.stem;
  part("context", text.context);
  part("response", text.response);
  part("reference", text.reference);
  $("options").replaceChildren(...text.options.map((option, place) => {
    const item = element("li", option);
    if (place === text.key) item.append(" ", element("span", "key", { className: "pill good" }));
    return item;
  }));
  showForm(text);
  if (focus) {
    $("title").focus();
    scrollTo(0, 0);
  }
}

function showForm(text) {
  const draft = draftOf(text), vote = voteOn(text);
  $("said").textContent = vote ? `You ${WORDS[vote.decision]} this text; a new vote replaces that.` : "";
  for (const button of $("decisions").children) {
    button.setAttribute("aria-pressed", String(Boolean(vote) && vote.decision === button.dataset.do));
  }
  $("steps").replaceChildren(...text.steps.map((step, place) => stepOf(step, place, draft)));
  choices($("error-type"), typed(), draft.error_type);
  $("reason").value = draft.reason || "";
  $("key-is-wrong").checked = Boolean(draft.key_is_wrong);
  $("right-part").hidden = !draft.key_is_wrong || !text.options.length;
  $("key-part").hidden = text.key == null && text.reference == null;
  const letters = text.options.map((option, place) => [String.fromCharCode(65 + place), option]);
  choices($("key"), [["", "not said"], ...letters.map(([letter, option]) => [letter, `${letter}. ${option}`])], draft.key);
  $("ambiguous").checked = Boolean(draft.ambiguous);
  $("note").value = draft.note || "";
  $("edit-text").value = draft.text ?? text.steps.map((step) => step.text).join("");
  $("edit-response").value = draft.response ?? text.response ?? "";
  $("edit-response-part").hidden = text.response == null;
  open_(null);
}

function stepOf(step, place, draft) {
  const fault = (draft.faults || []).find((one) => one.start === step.start);
  const item = element("li", "", { className: fault ? "wrong" : "" });
  const mark = element("button", fault ? "Marked as wrong" : "Mark as wrong", { type: "button" });
  mark.setAttribute("aria-pressed", String(Boolean(fault)));
  mark.setAttribute("aria-label", `Mark step ${place + 1} as wrong`);
  const type = element("select", ""), note = element("input", "", { maxLength: 2000, placeholder: "What is wrong here?" });
  type.setAttribute("aria-label", `Kind of fault in step ${place + 1}`);
  note.setAttribute("aria-label", `What is wrong in step ${place + 1}`);
  choices(type, typed(), fault && fault.type);
  note.value = (fault && fault.note) || "";
  const more = element("div", "", { className: "fault", hidden: !fault });
  more.append(type, note);
  item.append(element("p", step.text.trim(), { className: "text" }), mark, more);
  Object.assign(item.dataset, { start: step.start, end: step.end });
  mark.addEventListener("click", () => {
    const wrong = item.classList.toggle("wrong");
    mark.setAttribute("aria-pressed", String(wrong));
    mark.textContent = wrong ? "Marked as wrong" : "Mark as wrong";
    more.hidden = !wrong;
    if (wrong) type.focus();
    keepDraft();
  });
  return item;
}

function open_(which) {
  $("why").hidden = which !== "why";
  $("edit").hidden = which !== "edit";
  $("steps").hidden = which === "edit";
  $("response-part").hidden = which === "edit" || current().response == null;
  const first = { why: "error-type", edit: "edit-text" }[which];
  if (first) $(first).focus();
}

// What is said

function faults() {
  return [...$("steps").children].filter((item) => item.classList.contains("wrong")).map((item) => {
    const [type, note] = [item.querySelector("select").value, item.querySelector("input").value.trim()];
    const fault = { start: Number(item.dataset.start), end: Number(item.dataset.end) };
    return { ...fault, ...(type && { type }), ...(note && { note }) };
  });
}

function filled() {
  const found = { faults: faults(), reason: $("reason").value.trim(), error_type: $("error-type").value };
  found.note = $("note").value.trim();
  found.ambiguous = $("ambiguous").checked;
  found.key_is_wrong = $("key-is-wrong").checked;
  found.key = found.key_is_wrong ? $("key").value : "";
  return Object.fromEntries(Object.entries(found).filter(([, value]) => (Array.isArray(value) ? value.length : value)));
}

function edited() {
  const text = current(), found = {};
  const whole = text.steps.map((step) => step.text).join("").replaceAll("\r\n", "\n").replaceAll("\r", "\n");
  if ($("edit-text").value !== whole) found.text = $("edit-text").value;
  if (text.response != null && $("edit-response").value !== text.response.replaceAll("\r\n", "\n").replaceAll("\r", "\n")) {
    found.response = $("edit-response").value;
  }
  return found;
}

function keepDraft() {
  state.drafts[current().target] = { ...filled(), ...($("edit").hidden ? {} : edited()) };
  keep();
}

function cast(decision) {
  const text = current(), { target, text_hash, drawn } = text;
  const changed = decision === "edit" ? edited() : {};
  if (decision === "edit" && !Object.keys(changed).length) {
    $("said").textContent = "Nothing is changed: accept the text, or change it.";
    return;
  }
  const said = filled();
  if (decision !== "reject") ["reason", "error_type"].forEach((name) => delete said[name]);
  state.votes.push({ target, text_hash, drawn, decision, at: Date.now() / 1000, ...said, ...changed });
  delete state.drafts[target];
  const open = [...pack.texts.keys()].filter((place) => !voteOn(pack.texts[place]));
  const next = open.find((place) => place > state.place) ?? open[0];
  if (next !== undefined) state.place = next;
  keep();
  if (next === undefined) finish();
  else show();
}

function finish() {
  show(false);
  $("review").hidden = true;
  $("done").hidden = false;
  const counts = {};
  for (const vote of lastVotes()) counts[vote.decision] = (counts[vote.decision] || 0) + 1;
  $("tally").textContent = Object.keys(WORDS).filter((one) => counts[one]).map((one) => `${counts[one]} ${WORDS[one]}`).join(", ");
  $("done-title").focus();
}

function undo() {
  const last = state.votes.pop();
  if (!last) return;
  state.place = pack.texts.findIndex((text) => text.target === last.target);
  state.drafts[last.target] = last;
  keep();
  show();
  $("said").textContent = `Your vote (${WORDS[last.decision]}) is taken back.`;
}

function go(place) {
  if (!pack.texts[place]) return;
  state.place = place;
  keep();
  show();
}

const ACTIONS = {
  accept: () => cast("accept"),
  reject: () => open_("why"),
  edit: () => open_("edit"),
  defer: () => cast("defer"),
  undo,
  save,
  earlier: () => go(state.place - 1),
  later: () => go(state.place + 1),
};
const KEYS = { 1: "accept", 2: "reject", e: "edit", d: "defer", u: "undo", ArrowLeft: "earlier", ArrowRight: "later" };

// What goes out

const lastVotes = () => pack.texts.map(voteOn).filter(Boolean);
const wellFormed = (_, value) => (typeof value === "string" && value.toWellFormed ? value.toWellFormed() : value);

function document_() {
  const { name: reviewer, role } = state;
  const votes = lastVotes().map((vote) => ({ ...vote, reviewer, ...(role && { role }) }));
  return `${JSON.stringify({ votes_version: 1, pack: pack.pack, votes }, wellFormed, 1)}\n`;
}

function save() {
  const plain = state.name.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  const address = URL.createObjectURL(new Blob([document_()], { type: "application/json" }));
  element("a", "", { href: address, download: `votes-${plain || "reviewer"}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
  state.saved = JSON.stringify(lastVotes());
  keep();
}

async function copy() {
  const field = $("as-text");
  try {
    await navigator.clipboard.writeText(field.value);
    $("copied").textContent = "Copied.";
  } catch {
    field.focus();
    field.select();
    $("copied").textContent = document.execCommand("copy") ? "Copied." : "Press Ctrl C to copy the marked text.";
  }
}

function forget() {
  if (!confirm("Forget your name, votes, notes and edits in this browser? Votes that you saved as a file stay there.")) return;
  localStorage.removeItem(KEY);
  state = fresh();
  show();
}

// Who listens

$("who").addEventListener("submit", (event) => {
  event.preventDefault();
  const [name, role] = ["name", "role"].map((id) => $(id).value.trim().replace(/\s+/g, " "));
  if (!name) return;
  Object.assign(state, { name, role });
  keep();
  show();
});
$("why").addEventListener("submit", (event) => { event.preventDefault(); cast("reject"); });
$("edit").addEventListener("submit", (event) => { event.preventDefault(); cast("edit"); });
$("error-type").addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); cast("reject"); }
});
$("key-is-wrong").addEventListener("change", () => {
  $("right-part").hidden = !$("key-is-wrong").checked || !current().options.length;
});
$("review").addEventListener("input", keepDraft);
$("jump").addEventListener("change", () => go(Number($("jump").value)));
$("save").addEventListener("click", save);
$("copy").addEventListener("click", copy);
$("forget").addEventListener("click", forget);
$("help").addEventListener("click", () => $("keys").showModal());
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do], button[data-cancel]");
  if (!button) return;
  if (button.dataset.do) ACTIONS[button.dataset.do]();
  else open_(null);
});
document.addEventListener("keydown", (event) => {
  if ($("keys").open || !state.name) return;
  if (event.key === "Escape") { open_(null); event.target.blur(); return; }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !$("edit").hidden) { cast("edit"); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === "?") { $("keys").showModal(); event.preventDefault(); return; }
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || (!$("done").hidden && action !== "undo")) return;
  event.preventDefault();
  ACTIONS[action]();
});

show(false);
