"use strict";
// The page of a pack: one text at a time, votes by keyboard, kept in this browser, saved as a file.
// Texts of models and files go in by textContent alone.

const $ = (id) => document.getElementById(id);
const pack = JSON.parse($("pack").textContent);
const KEY = `reasonmed-pack-${pack.pack}`;
const WORDS = { accept: "accepted", reject: "rejected", edit: "edited", defer: "deferred" };
const LONGEST = 200000, UNSHOWN = "\ufffd";
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

const TYPES = [["", "none chosen"], ...Object.entries(pack.types).map(([type, meaning]) => [type, `${type.replaceAll("_", " ")}: ${meaning}`])];

function showKept() {
  const count = lastVotes().length;
  const unsaved = count > 0 && state.saved !== JSON.stringify(lastVotes());
  $("kept").textContent = !keeps ? "This browser keeps nothing: save your votes before you close the page"
    : !count ? "" : unsaved ? "Kept in this browser, not saved as a file yet" : "Saved as a file";
  $("save").disabled = !count;
  $("undo").disabled = !state.votes.length;
  $("as-text").value = count ? document_() : "";
}

function showPlace() {
  $("place").textContent = state.name ? `${state.place + 1} of ${pack.texts.length}` : "";
  $("progress").value = lastVotes().length;
  choices($("jump"), pack.texts.map((text, place) => {
    const vote = voteOn(text);
    return [String(place), `${place + 1}: ${vote ? WORDS[vote.decision] : "no vote"}`];
  }), String(state.place));
}

function part(id, text) {
  ($(`${id}-part`) || $(id)).hidden = text == null;
  $(id).textContent = text ?? "";
}

function show(focus = true) {
  for (const id of ["start", "ballot", "done"]) $(id).hidden = true;
  for (const id of ["more", "save", "progress", "jump-row"]) $(id).hidden = !state.name;
  showKept();
  showPlace();
  if (!state.name) {
    $("start").hidden = false;
    return;
  }
  $("ballot").hidden = false;
  $("earlier").disabled = state.place === 0;
  $("later").disabled = state.place === pack.texts.length - 1;
  const text = current();
  $("stem").textContent = text.stem;
  part("context", text.context);
  part("response", text.response);
  part("reference", text.reference);
  $("options").replaceChildren(...text.options.map((option, place) => {
    const item = element("li", option, { className: place === text.key ? "key" : "" });
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
  say(vote ? `You ${WORDS[vote.decision]} this text; a new vote replaces that.` : "");
  for (const button of $("decide").children) {
    button.setAttribute("aria-pressed", String(Boolean(vote) && vote.decision === button.dataset.do));
  }
  $("steps").replaceChildren(...text.steps.map((step, place) => stepOf(step, place + 1, draft)));
  choices($("error-type"), TYPES, draft.error_type);
  $("reason").value = draft.reason || "";
  $("key-part").hidden = text.key == null && text.reference == null;
  $("key-is-wrong").checked = Boolean(draft.key_is_wrong);
  const others = text.options.map((option, place) => [String.fromCharCode(65 + place), option]);
  others.splice(text.key ?? others.length, 1);
  $("right-part").hidden = !text.options.length;
  choices($("key"), [["", "not said"], ...others.map(([letter, option]) => [letter, `${letter}. ${option}`])], draft.key);
  $("ambiguous").checked = Boolean(draft.ambiguous);
  $("note").value = draft.note || "";
  $("edit").open = draft.text != null || draft.response != null;
  $("edit-text").value = draft.text ?? whole(text);
  $("edit-response").value = draft.response ?? text.response ?? "";
  $("edit-response-part").hidden = text.response == null;
}

function stepOf(step, number, draft) {
  const fault = (draft.faults || []).find((one) => one.start === step.start);
  const mark = element("input", "", { type: "checkbox", className: "mark", checked: Boolean(fault) });
  const label = element("label", "", { className: "words" });
  label.append(mark, element("span", step.text.replace(/^\n+|\n+$/g, ""), { className: "text" }));
  const type = element("select", ""), note = element("textarea", "", { rows: 1, maxLength: 2000, className: "grow" });
  note.placeholder = "what is wrong";
  type.setAttribute("aria-label", `Type of fault in step ${number}`);
  note.setAttribute("aria-label", `What is wrong with step ${number}`);
  choices(type, TYPES, fault && fault.type);
  note.value = (fault && fault.note) || "";
  const more = element("div", "", { className: "fault row" });
  more.append(type, note);
  const item = element("li", "", { className: "step" });
  item.append(label, more);
  Object.assign(item.dataset, { start: step.start, end: step.end });
  return item;
}

const say = (words) => { $("said").textContent = words; };

// What is said

const lines = (text) => text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
const whole = (text) => text.steps.map((step) => step.text).join("");

function faults() {
  return [...$("steps").children].filter((item) => item.querySelector(".mark").checked).map((item) => {
    const type = item.querySelector("select").value, note = item.querySelector("textarea").value.trim();
    const fault = { start: Number(item.dataset.start), end: Number(item.dataset.end) };
    return { ...fault, ...(type && { type }), ...(note && { note }) };
  });
}

function filled() {
  const found = { faults: faults(), error_type: $("error-type").value, key: $("key").value };
  for (const name of ["reason", "note"]) found[name] = $(name).value.trim();
  found.ambiguous = $("ambiguous").checked;
  found.key_is_wrong = $("key-is-wrong").checked || Boolean(found.key);
  return Object.fromEntries(Object.entries(found).filter(([, value]) => (Array.isArray(value) ? value.length : value)));
}

function edited() {
  const text = current(), found = {};
  if ($("edit-text").value !== lines(whole(text))) found.text = $("edit-text").value;
  if (text.response != null && $("edit-response").value !== lines(text.response)) found.response = $("edit-response").value;
  return found;
}

function keepDraft() {
  state.drafts[current().target] = { ...filled(), ...edited() };
  keep();
}

function problemOf(decision, said) {
  const why = ["reason", "error_type", "faults", "key_is_wrong", "ambiguous"].some((name) => said[name]);
  if (decision === "reject" && !why) return ["error-type", "Say why, then Ctrl Enter; or mark a step."];
  if (decision === "accept" && said.faults) {
    return ["", "Steps are marked as faulty: reject or edit the text, or take the marks away."];
  }
  if (decision === "edit" && said.text == null && said.response == null) {
    return ["edit-text", "The text was not changed: change it, or accept it as it is."];
  }
  if ([said.text, said.response].some((text) => text && text.length > LONGEST)) {
    return ["edit-text", `An edited text may have ${LONGEST.toLocaleString("en")} characters: reject it instead.`];
  }
  if ([said.text, said.response].some((text) => text && text.includes(UNSHOWN))) {
    return ["edit-text", `The sign ${UNSHOWN} stands for a character that no page shows: take it out, or write what is meant.`];
  }
  return null;
}

function cast(decision) {
  const text = current(), { target, text_hash, drawn } = text;
  const said = { ...filled(), ...(decision === "edit" ? edited() : {}) };
  const problem = problemOf(decision, said);
  if (problem) {
    say(problem[1]);
    if (problem[0]) $(problem[0]).focus();
    return;
  }
  state.votes.push({ target, text_hash, drawn, decision, at: Date.now() / 1000, ...said });
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
  $("ballot").hidden = true;
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
  say(`Your vote (${WORDS[last.decision]}) is taken back.`);
}

function go(place) {
  if (!pack.texts[place]) return;
  state.place = place;
  keep();
  show();
}

function edit() {
  $("edit").open = true;
  $("edit-text").focus();
}

function moveAmongSteps(from, by) {
  const marks = [...document.querySelectorAll(".mark")];
  const next = marks[Math.min(Math.max(marks.indexOf(from) + by, 0), marks.length - 1)];
  if (next) next.focus();
}

function castFromField(field) {
  if (field.closest("#edit")) cast("edit");
  else if (field.id === "note" || field.id === "key") field.blur();
  else cast("reject");
}

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
  try {
    localStorage.removeItem(KEY);
  } catch { /* this browser keeps nothing */ }
  state = fresh();
  show();
}

// Who listens

const ACTIONS = {
  accept: () => cast("accept"),
  reject: () => cast("reject"),
  edit,
  "cast-edit": () => cast("edit"),
  defer: () => cast("defer"),
  undo,
  earlier: () => go(state.place - 1),
  later: () => go(state.place + 1),
  steps: () => moveAmongSteps(null, 1),
  help: () => $("keys").showModal(),
  save,
  copy,
  forget,
};
const KEYS = { 1: "accept", 2: "reject", e: "edit", d: "defer", u: "undo", s: "steps", "?": "help" };
Object.assign(KEYS, { ArrowLeft: "earlier", ArrowRight: "later" });
const EVERYWHERE = ["undo", "help"];

$("who").addEventListener("submit", (event) => {
  event.preventDefault();
  const [name, role] = ["name", "role"].map((id) => $(id).value.trim().replace(/\s+/g, " "));
  if (!name) return;
  Object.assign(state, { name, role });
  keep();
  show();
});
$("ballot").addEventListener("submit", (event) => event.preventDefault());
$("ballot").addEventListener("input", keepDraft);
$("jump").addEventListener("change", () => go(Number($("jump").value)));
$("save").addEventListener("click", save);
addEventListener("storage", (event) => {
  // The same pack in another tab: without this, the tab that writes last would drop the other's votes.
  if (event.key !== KEY && event.key !== null) return;
  state = loaded();
  show(false);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button) ACTIONS[button.dataset.do]();
});
document.addEventListener("keydown", (event) => {
  if ($("keys").open || !state.name) return;
  const field = event.target.closest("textarea, select, input:not([type=checkbox])");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && field && field.closest("#ballot")) {
    event.preventDefault();
    castFromField(field);
    return;
  }
  if (event.key === "Escape" && field) field.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || field) return;
  if (event.target.matches(".mark") && /^Arrow(Up|Down)$/.test(event.key)) {
    event.preventDefault();
    moveAmongSteps(event.target, event.key === "ArrowDown" ? 1 : -1);
    return;
  }
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || ($("ballot").hidden && !EVERYWHERE.includes(action))) return;
  event.preventDefault();
  ACTIONS[action]();
});

show(false);
