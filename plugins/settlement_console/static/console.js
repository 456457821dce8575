// What every page of the console does where scripts run: it refreshes itself, and says when the login ran out.

const ASK_EVERY_MS = 15_000;
const root = document.body.dataset.root;
const news = document.getElementById("news");

function say(sentence) {
  news.textContent = sentence;
  news.hidden = false;
}

function isChanged(field) {
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  if (!field.matches("select")) return field.value !== field.defaultValue;
  const first = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(first, 0);
}

// Whoever writes, chooses or selects must not lose what they began.
function isBusy() {
  const active = document.activeElement;
  const writes = active && active.matches("input, textarea, select");
  const changed = [...document.querySelectorAll("main textarea, main input, main select")].some(isChanged);
  return writes || changed || document.hidden || String(getSelection()) !== "";
}

async function answer(address) {
  const reply = await fetch(address, { credentials: "same-origin", cache: "no-store" });
  if (reply.status === 401) {
    say("Your login ran out. Reload Airflow’s own page in your browser (F5) to log in again.");
    return null;
  }
  return reply.ok ? reply : null;
}

// What the reader had opened and where they were, to be found again in the new content.
function place() {
  const { id, href } = document.activeElement;
  const open = [...document.querySelectorAll("main details")].map((part) => part.open);
  return () => {
    const parts = [...document.querySelectorAll("main details")];
    if (parts.length === open.length) parts.forEach((part, number) => (part.open = open[number]));
    const same = id ? document.getElementById(id) : [...document.querySelectorAll("main a")].find((link) => link.href === href);
    if (id || href) same?.focus({ preventScroll: true });
  };
}

async function replaceContent() {
  const reply = await answer(location.href);
  if (!reply) return;
  const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
  const content = fresh.getElementById("content");
  if (!content) return;
  const goBack = place();
  document.getElementById("content").replaceWith(document.adoptNode(content));
  goBack();
  document.dispatchEvent(new CustomEvent("content-replaced"));
  say(`Brought up to date at ${new Date().toLocaleTimeString()}.`);
}

let seen = null;

async function look() {
  try {
    const reply = await answer(`${root}/state`);
    if (!reply) return;
    const { state } = await reply.json();
    if (seen !== null && state !== seen) {
      if (isBusy()) {
        say("There is something new: it is shown once you have sent or left what you began.");
        return;
      }
      await replaceContent();
    }
    seen = state;
  } catch {
    say("The server does not answer; the page tries again.");
  }
}

if ("live" in document.body.dataset) {
  look();
  setInterval(look, ASK_EVERY_MS);
}
