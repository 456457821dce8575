// Keys on the queue's and a case's page: what they do is done by links and forms that work without them.

const ON = "settlement-keys";
const byId = (id) => document.getElementById(id);
const keysAreOn = () => localStorage.getItem(ON) !== "off";

function isWriting(target) {
  return target.closest("textarea, select, input:not([type=checkbox]):not([type=radio])") !== null;
}

const rows = () => [...document.querySelectorAll("tr[data-row]")];
const currentRow = () => document.activeElement.closest("tr[data-row]");

function step(by) {
  const all = rows();
  if (!all.length) return;
  const here = all.indexOf(currentRow());
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1);
  const link = all[next].querySelector("[data-open]");
  link.focus();
  link.scrollIntoView({ block: "nearest" });
}

function mark() {
  currentRow()?.querySelector("input[name=case]")?.click();
  currentRow()?.querySelector("[data-open]")?.focus();
}

// The next outcome of the key after the chosen one, from the first again after the last.
function choose(key) {
  const field = byId("decide")?.querySelector("[data-verdict]");
  if (!field) return false;
  const fitting = [...field.options].filter((option) => option.dataset.key === key);
  if (!fitting.length) return false;
  const chosen = fitting.indexOf(field.selectedOptions[0]);
  field.value = fitting[(chosen + 1) % fitting.length].value;
  field.focus();
  field.scrollIntoView({ block: "center" });
  return true;
}

function decide(key) {
  if (choose(key)) return;
  const link = (currentRow() ?? rows()[0])?.querySelector("[data-open]");
  if (link && !byId("decide")) location.href = `${link.href}#${key}`;
}

function toggleKeys() {
  const keys = byId("keys");
  keys.open = !keys.open;
  if (keys.open) keys.querySelector("summary").focus();
}

const ACTS = {
  j: () => step(1),
  k: () => step(-1),
  x: mark,
  c: () => decide("c"),
  d: () => decide("d"),
  u: () => decide("u"),
  n: () => byId("next")?.requestSubmit(),
  q: () => byId("back")?.click(),
  "/": () => byId("number")?.focus(),
  "?": toggleKeys,
};

function onKey(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return;
  if (target.matches("[data-verdict]") && target.closest("#decide") && keysAreOn()) return inVerdict(event);
  if (key === "Escape" && isWriting(target)) return target.blur();
  if (isWriting(target) || !(key in ACTS) || (key !== "?" && !keysAreOn())) return;
  event.preventDefault();
  ACTS[key]();
}

// In the list of outcomes, which c, d and u lead to: the same keys go on choosing, and Enter decides.
function inVerdict(event) {
  if (event.key === "Escape") return event.target.blur();
  if (event.key === "Enter") {
    event.preventDefault();
    const { form } = event.target;
    return form.requestSubmit(form.querySelector("button.main"));
  }
  if ("cdu".includes(event.key)) {
    event.preventDefault();
    choose(event.key);
  }
}

function showSwitch() {
  const box = byId("keys-on");
  if (!box) return;
  box.checked = box.defaultChecked = keysAreOn();
  box.closest("[data-needs-scripts]").hidden = false;
  box.addEventListener("change", () => {
    localStorage.setItem(ON, box.checked ? "on" : "off");
    box.defaultChecked = box.checked;
  });
}

document.addEventListener("keydown", onKey);
document.addEventListener("content-replaced", showSwitch);
showSwitch();
if (["#c", "#d", "#u"].includes(location.hash)) choose(location.hash[1]);
